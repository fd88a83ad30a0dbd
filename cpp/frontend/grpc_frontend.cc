#include <utility>

#include "frontend/frontends.h"
#include "frontend/listening.h"
#include "grpc/router.h"
#include "kserve/executor.h"
#include "kserve_grpc/service.h"
#include "server/protocol_chooser.h"

namespace tfe::frontend {
namespace {

// Members are destroyed in reverse: the executor, whose tasks the router's calls wait for, last.
struct GrpcApplication {
  GrpcApplication(const std::shared_ptr<triton::Server>& server, const Control& control)
      : executor(control.threads, control.queue_limit), inference(server) {
    kserve_grpc::add_service(router, {server, inference, executor});
  }

  kserve::Executor executor;
  kserve::Inference inference;
  grpc::Router router;
};

http2::Options http2_options(const GrpcOptions& options) {
  http2::Options http2;
  http2.keepalive_time = options.keepalive_time;
  http2.keepalive_timeout = options.keepalive_timeout;
  http2.keepalive_without_calls = options.keepalive_permit_without_calls;
  return http2;
}

}  // namespace

NewFrontend make_grpc(std::shared_ptr<triton::Server> server, const GrpcOptions& options) {
  auto application = std::make_shared<GrpcApplication>(server, options.control);
  grpc::Router* router = &application->router;
  server::ProtocolOptions protocols;
  protocols.protocols = server::Protocols::kHttp2;
  protocols.http2 = http2_options(options);
  return make_frontend({.label = "GRPC",
                        .handler = std::shared_ptr<http::Handler>(std::move(application), router),
                        .protocols = std::move(protocols),
                        .alpn = {"h2"},
                        .on_error = error_log(std::move(server), "GRPC")},
                       options.endpoint);
}

}  // namespace tfe::frontend
