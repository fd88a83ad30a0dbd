#include <utility>

#include "frontend/frontends.h"
#include "frontend/http_application.h"
#include "kserve_http/metrics_handler.h"
#include "kserve_http/service.h"

namespace tfe::frontend {

NewFrontend make_http(std::shared_ptr<triton::Server> server, const HttpOptions& options) {
  auto application =
      std::make_shared<HttpApplication<kserve_http::Service>>(options.service.control);
  auto context = make_context(server, application->threads, options.service, options.endpoint);
  if (!context) return std::unexpected(std::move(context).error());
  auto forwarding = kserve::HeaderForwarding::compile(options.header_forward_pattern);
  if (!forwarding) return std::unexpected(std::move(forwarding).error());
  context->forwarding = *std::move(forwarding);
  application->handler = std::make_unique<kserve_http::Service>(*std::move(context));
  std::optional<GrpcApplication> grpc;
  if (options.grpc) {
    auto made = make_grpc_application(server, *options.grpc, options.endpoint);
    if (!made) return std::unexpected(std::move(made).error());
    grpc = *std::move(made);
  }
  return listen_http("HTTP", std::move(server), std::move(application), options.endpoint,
                     options.http, std::move(grpc));
}

NewFrontend make_metrics(std::shared_ptr<triton::Server> server, const MetricsOptions& options) {
  using Handler = kserve_http::MetricsHandler;
  auto application = std::make_shared<HttpApplication<Handler>>(options.control);
  auto context = make_context(server, application->threads, {}, options.endpoint);
  if (!context) return std::unexpected(std::move(context).error());
  application->handler = std::make_unique<Handler>(*std::move(context));
  return listen_http("Metrics", std::move(server), std::move(application), options.endpoint,
                     options.http);
}

}  // namespace tfe::frontend
