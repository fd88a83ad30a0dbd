// ModelReady, ModelMetadata, ModelConfig and ModelStatistics: requests with a name and a version.
#include <string>

#include "codec/proto_reader.h"
#include "codec/proto_writer.h"
#include "kserve/model_control.h"
#include "kserve/version.h"
#include "kserve_grpc/control.h"
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
  if (auto status = check_name("name", model.name); !status) return std::unexpected(status.error());
  const auto number = kserve::parse_version(version);
  if (!number) return std::unexpected(number.error());
  model.version = *number;
  return model;
}

UnaryMethod ready_method(std::shared_ptr<triton::Server> server) {
  return [server = std::move(server)](base::Bytes request) -> base::Result<std::string> {
    const auto model = parse_model(request);
    if (!model) return std::unexpected(model.error());
    const auto ready = kserve::model_ready(*server, model->name, model->version);
    if (!ready) return std::unexpected(ready.error());
    std::string response;
    codec::ProtoWriter(response).boolean(1, *ready);
    return response;
  };
}

// What makes a response message of the core's JSON.
using Encode = base::Result<std::string> (*)(std::string_view json);

template <const codec::ProtoMessage& type>
base::Result<std::string> encode(std::string_view json) {
  return codec::json_to_proto(json, type);
}

// The JSON is the configuration itself.
base::Result<std::string> encode_config(std::string_view json) {
  const auto config = codec::json_to_proto(json, kModelConfig);
  if (!config) return config;
  std::string response;
  codec::ProtoWriter(response).bytes(1, *config, codec::ProtoWriter::Presence::kAlways);
  return response;
}

using AskJson = base::Result<std::string> (*)(const triton::Server&, const ModelRef&);

UnaryMethod json_method(std::shared_ptr<triton::Server> server, AskJson ask, Encode encode) {
  return
      [server = std::move(server), ask, encode](base::Bytes request) -> base::Result<std::string> {
        const auto model = parse_model(request);
        if (!model) return std::unexpected(model.error());
        const auto json = ask(*server, *model);
        if (!json) return std::unexpected(json.error());
        return encode(*json);
      };
}

}  // namespace

void add_model_info(grpc::Router& router, const ContextPtr& context) {
  const auto& server = context->server;
  const std::string service(kService);
  add_quick(router, service + "ModelReady", ready_method(server));
  // These wait for locks of the models asked for.
  const auto add = [&](std::string_view name, AskJson ask, Encode encode) {
    add_blocking(router, service + std::string(name), json_method(server, ask, encode),
                 context->blocking(), Lane::kQuick);
  };
  using triton::Server;
  add(
      "ModelMetadata",
      [](const Server& core, const ModelRef& model) {
        return core.model_metadata(model.name, model.version);
      },
      &encode<kModelMetadataResponse>);
  add(
      "ModelConfig",
      [](const Server& core, const ModelRef& model) {
        return core.model_config(model.name, model.version);
      },
      &encode_config);
  add_later(
      router, service + "ModelStatistics",
      [context](base::Bytes request, Respond respond) {
        auto model = parse_model(request);
        if (!model) return respond(std::unexpected(std::move(model).error()));
        ask_group(context, kserve::StatisticsQuery{std::move(model->name), model->version},
                  &encode<kModelStatisticsResponse>, std::move(respond));
      },
      context->blocking(), Lane::kQuick);
}

}  // namespace tfe::kserve_grpc
