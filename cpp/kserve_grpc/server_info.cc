// ServerLive, ServerReady, ServerMetadata and health checks. None of them waits: probes must be
// answered while models load and requests run.
#include "codec/proto_reader.h"
#include "codec/proto_writer.h"
#include "grpc/health.h"
#include "kserve_grpc/schema.h"
#include "kserve_grpc/service.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

// For requests without fields: any well-formed message will do.
bool is_message(base::Bytes request) {
  codec::ProtoReader reader(request);
  while (reader.next()) continue;
  return !reader.failed();
}

// ServerLiveResponse and ServerReadyResponse: field 1, a bool.
UnaryMethod flag_method(std::shared_ptr<triton::Server> server,
                        base::Result<bool> (triton::Server::*ask)() const) {
  return [server = std::move(server), ask](base::Bytes request) -> base::Result<std::string> {
    if (!is_message(request)) return std::unexpected(unparsable());
    const auto flag = ((*server).*ask)();
    if (!flag) return std::unexpected(flag.error());
    std::string response;
    codec::ProtoWriter(response).boolean(1, *flag);
    return response;
  };
}

UnaryMethod metadata_method(std::shared_ptr<triton::Server> server) {
  return [server = std::move(server)](base::Bytes request) -> base::Result<std::string> {
    if (!is_message(request)) return std::unexpected(unparsable());
    const auto json = server->metadata();
    if (!json) return std::unexpected(json.error());
    return codec::json_to_proto(*json, kServerMetadataResponse);
  };
}

}  // namespace

void add_server_info(grpc::Router& router, const ContextPtr& context) {
  const auto& server = context->server;
  const std::string service(kService);
  add_quick(router, service + "ServerLive", flag_method(server, &triton::Server::live));
  add_quick(router, service + "ServerReady", flag_method(server, &triton::Server::ready));
  add_quick(router, service + "ServerMetadata", metadata_method(server));
  grpc::HealthOptions health;
  health.ready = [server] { return server->ready(); };
  health.services = {"inference.GRPCInferenceService", "grpc.health.v1.Health"};
  grpc::add_health(router, std::move(health));
}

}  // namespace tfe::kserve_grpc
