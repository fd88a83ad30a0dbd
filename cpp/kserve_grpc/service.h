// inference.GRPCInferenceService and grpc.health.v1.Health on a grpc::Router. Methods without an
// entry here answer UNIMPLEMENTED.
#pragma once

#include <string_view>

#include "grpc/router.h"
#include "kserve_grpc/options.h"

namespace tfe::kserve_grpc {

inline constexpr std::string_view kService = "/inference.GRPCInferenceService/";

// Everything below, on one router, reflection if it is wanted, and the restrictions of the
// context's access policy.
void add_service(grpc::Router& router, const ContextPtr& context);

// One group each: ServerLive, ServerReady, ServerMetadata and the health service; ModelReady,
// ModelMetadata, ModelConfig and ModelStatistics; RepositoryIndex, RepositoryModelLoad and
// RepositoryModelUnload; TraceSetting; LogSettings; the six methods of system and CUDA shared
// memory; ModelInfer; ModelStreamInfer.
void add_server_info(grpc::Router& router, const ContextPtr& context);
void add_model_info(grpc::Router& router, const ContextPtr& context);
void add_repository(grpc::Router& router, const ContextPtr& context);
void add_trace_settings(grpc::Router& router, const ContextPtr& context);
void add_log_settings(grpc::Router& router, const ContextPtr& context);
void add_shared_memory(grpc::Router& router, const ContextPtr& context);
void add_inference(grpc::Router& router, const ContextPtr& context);
void add_stream(grpc::Router& router, const ContextPtr& context);

}  // namespace tfe::kserve_grpc
