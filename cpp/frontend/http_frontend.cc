#include <utility>

#include "frontend/frontends.h"
#include "kserve/executor.h"
#include "kserve_http/metrics_handler.h"
#include "kserve_http/service.h"
#include "server/protocol_chooser.h"

namespace tfe::frontend {
namespace {

// Members are destroyed in reverse: the executor, whose tasks the handler's requests wait for,
// last.
template <typename Handler>
struct HttpApplication {
  HttpApplication(std::shared_ptr<triton::Server> server, const Control& control,
                  const kserve_http::Options& options)
      : executor(control.threads, control.queue_limit),
        handler({server, kserve::Inference(server), executor, options}),
        counter(handler) {}

  kserve::Executor executor;
  Handler handler;
  RequestCounter counter;
};

template <typename Handler>
std::unique_ptr<Frontend> make(std::string label, std::shared_ptr<triton::Server> server,
                               const Endpoint& endpoint, const Control& control,
                               const kserve_http::Options& options) {
  auto application =
      std::make_shared<HttpApplication<Handler>>(std::move(server), control, options);
  server::ProtocolOptions protocols;
  protocols.protocols = server::Protocols::kHttp1;
  auto factory = server::make_protocol_factory(application->counter, std::move(protocols));
  std::shared_ptr<RequestCounter> counter(application, &application->counter);
  return std::make_unique<Frontend>(
      Application{std::move(label), std::move(counter), std::move(factory)}, endpoint);
}

}  // namespace

std::unique_ptr<Frontend> make_http(std::shared_ptr<triton::Server> server,
                                    const HttpOptions& options) {
  return make<kserve_http::Service>("HTTP", std::move(server), options.endpoint, options.control,
                                    {.max_input_size = options.max_input_size});
}

std::unique_ptr<Frontend> make_metrics(std::shared_ptr<triton::Server> server,
                                       const MetricsOptions& options) {
  return make<kserve_http::MetricsHandler>("Metrics", std::move(server), options.endpoint,
                                           options.control, {});
}

}  // namespace tfe::frontend
