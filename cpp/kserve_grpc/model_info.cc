// ModelReady, ModelMetadata and ModelStatistics: requests with a name and a version.
#include <string>

#include "codec/proto_reader.h"
#include "codec/proto_writer.h"
#include "kserve/version.h"
#include "kserve_grpc/schema.h"
#include "kserve_grpc/service.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

using codec::field_key;
using codec::Wire;

struct ModelRef {
  std::string name;
  std::int64_t version = -1;
};

base::Result<ModelRef> parse_model(base::Bytes request) {
  ModelRef model;
  std::string_view version;
  codec::ProtoReader reader(request);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) model.name = reader.text();
    if (reader.key() == field_key(2, Wire::kBytes)) version = reader.text();
  }
  if (reader.failed()) return std::unexpected(unparsable());
  const auto number = kserve::parse_version(version);
  if (!number) return std::unexpected(number.error());
  model.version = *number;
  return model;
}

UnaryMethod ready_method(std::shared_ptr<triton::Server> server) {
  return [server = std::move(server)](base::Bytes request) -> base::Result<std::string> {
    const auto model = parse_model(request);
    if (!model) return std::unexpected(model.error());
    const auto ready = server->model_ready(model->name, model->version);
    if (!ready) return std::unexpected(ready.error());
    std::string response;
    codec::ProtoWriter(response).boolean(1, *ready);
    return response;
  };
}

using AskJson = base::Result<std::string> (triton::Server::*)(const std::string&,
                                                              std::int64_t) const;

UnaryMethod json_method(std::shared_ptr<triton::Server> server, AskJson ask,
                        const codec::ProtoMessage& type) {
  return
      [server = std::move(server), ask, &type](base::Bytes request) -> base::Result<std::string> {
        const auto model = parse_model(request);
        if (!model) return std::unexpected(model.error());
        const auto json = ((*server).*ask)(model->name, model->version);
        if (!json) return std::unexpected(json.error());
        return codec::json_to_proto(*json, type);
      };
}

}  // namespace

void add_model_info(grpc::Router& router, const Dependencies& dependencies) {
  const auto& server = dependencies.server;
  const std::string service(kService);
  add_quick(router, service + "ModelReady", ready_method(server));
  add_quick(router, service + "ModelMetadata",
            json_method(server, &triton::Server::model_metadata, kModelMetadataResponse));
  // Waits for the statistics locks of every model asked for.
  add_blocking(router, service + "ModelStatistics",
               json_method(server, &triton::Server::model_statistics, kModelStatisticsResponse),
               dependencies.executor);
}

}  // namespace tfe::kserve_grpc
