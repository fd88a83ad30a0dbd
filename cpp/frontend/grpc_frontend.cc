#include <memory>
#include <utility>

#include "frontend/frontends.h"
#include "frontend/grpc_application.h"
#include "frontend/listening.h"
#include "frontend/other_servers.h"
#include "frontend/threads.h"
#include "grpc/router.h"
#include "kserve/access_policy.h"
#include "kserve_grpc/service.h"
#include "server/protocol_chooser.h"

namespace tfe::frontend {
namespace {

// Members are destroyed in reverse: the threads, whose tasks the router's calls wait for, last.
struct Owner {
  explicit Owner(const GrpcOptions& options)
      : threads(options.service.control), router(router_options(options.calls)) {}

  grpc::RouterOptions router_options(grpc::RouterOptions options) {
    options.offload = [ref = kserve::ExecutorRef(threads.codec)](kserve::Executor::Task task) {
      return ref.submit(std::move(task), kserve::Executor::Lane::kQuick).has_value();
    };
    return options;
  }

  Threads threads;
  grpc::Router router;
};

base::Result<kserve_grpc::ContextPtr> make_grpc_context(std::shared_ptr<triton::Server> server,
                                                        Threads& threads,
                                                        const GrpcService& service,
                                                        const Endpoint& endpoint) {
  if (auto started = threads.started(); !started) return std::unexpected(started.error());
  auto access = kserve::AccessPolicy::parse(service.restricted_protocols, kserve::Protocol::kGrpc);
  if (!access) return std::unexpected(std::move(access).error());
  auto forwarding = kserve::HeaderForwarding::compile(service.forward_header_pattern);
  if (!forwarding) return std::unexpected(std::move(forwarding).error());
  auto others = other_servers(endpoint);
  if (!others) return std::unexpected(std::move(others).error());
  kserve_grpc::Options options;
  options.limits.max_tensors = service.max_tensors;
  options.limits.max_parameters = service.max_parameters;
  options.allow_client_shm = service.allow_client_shm;
  options.stream = {.max_backlog = service.max_stream_backlog,
                    .max_inflight_requests = service.max_stream_inflight_requests,
                    .drain_grace = service.stream_drain_grace};
  options.reflection = service.reflection;
  options.deadline_as_queue_timeout = service.deadline_as_queue_timeout;
  kserve::Inference inference(server, service.allow_client_shm, *std::move(others));
  return std::make_shared<kserve_grpc::Context>(
      kserve_grpc::Context{.server = std::move(server),
                           .inference = std::move(inference),
                           .executor = threads.control,
                           .options = options,
                           .access = *std::move(access),
                           .forwarding = *std::move(forwarding),
                           .admission = kserve::Admission(service.admission),
                           .workers = threads.codec});
}

http2::Options http2_options(const GrpcOptions& options) {
  http2::Options http2 = options.http2;
  if (options.max_unsent_total > 0) {
    http2.responses = std::make_shared<http2::ResponseBudget>(options.max_unsent_total);
  }
  return http2;
}

}  // namespace

base::Result<GrpcApplication> make_grpc_application(std::shared_ptr<triton::Server> server,
                                                    const GrpcOptions& options,
                                                    const Endpoint& endpoint) {
  auto forwarder = PeerForwarder::open(options.forwarding, endpoint);
  if (!forwarder) return std::unexpected(std::move(forwarder).error());
  auto owner = std::make_shared<Owner>(options);
  auto context = make_grpc_context(std::move(server), owner->threads, options.service, endpoint);
  if (!context) return std::unexpected(std::move(context).error());
  (*context)->forwarder = *forwarder;
  kserve_grpc::add_service(owner->router, *context);
  grpc::Router* router = &owner->router;
  return GrpcApplication{.handler = std::shared_ptr<http::Handler>(std::move(owner), router),
                         .http2 = http2_options(options),
                         .forwarder = *std::move(forwarder)};
}

NewFrontend make_grpc(std::shared_ptr<triton::Server> server, const GrpcOptions& options) {
  auto application = make_grpc_application(server, options, options.endpoint);
  if (!application) return std::unexpected(std::move(application).error());
  server::ProtocolOptions protocols;
  protocols.protocols = server::Protocols::kHttp2;
  protocols.http2 = std::move(application->http2);
  return make_frontend({.label = "GRPC",
                        .handler = std::move(application->handler),
                        .protocols = std::move(protocols),
                        .forwarder = std::move(application->forwarder),
                        .alpn = {"h2"},
                        .on_error = error_log(std::move(server), "GRPC")},
                       options.endpoint);
}

}  // namespace tfe::frontend
