// Tables of the messages that are made from JSON of the core (grpc_service.proto of KServe v2 and
// its Triton extensions). Their definitions are generated: tools/generate_proto_tables.py.
#pragma once

#include "codec/proto_json.h"

namespace tfe::kserve_grpc {

extern const codec::ProtoMessage kServerMetadataResponse;
extern const codec::ProtoMessage kModelMetadataResponse;
extern const codec::ProtoMessage kModelStatisticsResponse;
// The core's JSON is the array of the first field.
extern const codec::ProtoMessage kRepositoryIndexResponse;
// What ModelConfigResponse holds; see model_config.proto.
extern const codec::ProtoMessage kModelConfig;

}  // namespace tfe::kserve_grpc
