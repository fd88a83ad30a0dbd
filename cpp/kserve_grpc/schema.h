// Tables of the messages that are made from JSON of the core (grpc_service.proto of KServe v2 and
// its Triton extensions).
#pragma once

#include "codec/proto_json.h"

namespace tfe::kserve_grpc {

extern const codec::ProtoMessage kServerMetadataResponse;
extern const codec::ProtoMessage kModelMetadataResponse;
extern const codec::ProtoMessage kModelStatisticsResponse;
extern const codec::ProtoMessage kRepositoryIndexResponse;

}  // namespace tfe::kserve_grpc
