// An HTTP/1.1 application: a handler, the threads for its blocking calls, and what stands before
// it on every request.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "frontend/frontends.h"
#include "frontend/options.h"
#include "http/exchange.h"
#include "kserve/executor.h"
#include "kserve_http/options.h"
#include "triton/server.h"

namespace tfe::frontend {

// Where handlers run what would hold a loop thread.
struct Threads {
  explicit Threads(const Control& limits) : control(limits.threads, limits.queue_limit) {}

  // Calls of the core that block, perhaps for minutes.
  kserve::Executor control;
  // Decoding and (de)compressing large bodies: short, but too long for a loop. Two keep up with
  // what two loop threads receive.
  kserve::Executor codec{2, 1024};
};

// What kserve_http handlers work with.
base::Result<kserve_http::Context> make_context(std::shared_ptr<triton::Server> server,
                                                Threads& threads, const Service& service);

// Members are destroyed in reverse: the threads, whose tasks the handler's requests wait for, last.
template <typename Handler>
struct HttpApplication {
  explicit HttpApplication(const Control& control) : threads(control) {}

  Threads threads;
  std::unique_ptr<Handler> handler;
};

// HTTP/1.1 in front of a handler.
NewFrontend listen_http(std::string label, std::shared_ptr<triton::Server> server,
                        std::shared_ptr<http::Handler> handler, const Endpoint& endpoint,
                        const Http& http);

// The same around the handler that an application owns.
template <typename Handler>
NewFrontend listen_http(std::string label, std::shared_ptr<triton::Server> server,
                        std::shared_ptr<HttpApplication<Handler>> application,
                        const Endpoint& endpoint, const Http& http) {
  http::Handler* handler = application->handler.get();
  return listen_http(std::move(label), std::move(server),
                     std::shared_ptr<http::Handler>(std::move(application), handler), endpoint,
                     http);
}

}  // namespace tfe::frontend
