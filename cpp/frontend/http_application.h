// An HTTP/1.1 application: a handler, the threads for its blocking calls, and what stands before
// it on every request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "frontend/frontends.h"
#include "frontend/grpc_application.h"
#include "frontend/options.h"
#include "frontend/threads.h"
#include "http/exchange.h"
#include "kserve_http/options.h"
#include "triton/server.h"

namespace tfe::frontend {

// What kserve_http handlers work with.
base::Result<kserve_http::Context> make_context(std::shared_ptr<triton::Server> server,
                                                Threads& threads, const Service& service,
                                                const Endpoint& endpoint);

// Members are destroyed in reverse: the threads, whose tasks the handler's requests wait for, last.
template <typename Handler>
struct HttpApplication {
  explicit HttpApplication(const Control& control) : threads(control) {}

  Threads threads;
  std::unique_ptr<Handler> handler;
};

// HTTP/1.1 in front of a handler; HTTP/2 in front of `grpc`, if there is one.
NewFrontend listen_http(std::string label, std::shared_ptr<triton::Server> server,
                        std::shared_ptr<http::Handler> handler, const Endpoint& endpoint,
                        const Http& http, std::optional<GrpcApplication> grpc = std::nullopt);

// The same around the handler that an application owns.
template <typename Handler>
NewFrontend listen_http(std::string label, std::shared_ptr<triton::Server> server,
                        std::shared_ptr<HttpApplication<Handler>> application,
                        const Endpoint& endpoint, const Http& http,
                        std::optional<GrpcApplication> grpc = std::nullopt) {
  http::Handler* handler = application->handler.get();
  return listen_http(std::move(label), std::move(server),
                     std::shared_ptr<http::Handler>(std::move(application), handler), endpoint,
                     http, std::move(grpc));
}

}  // namespace tfe::frontend
