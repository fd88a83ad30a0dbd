// inference.GRPCInferenceService and grpc.health.v1.Health on a grpc::Router. Methods without an
// entry here answer UNIMPLEMENTED.
#pragma once

#include <memory>

#include "grpc/router.h"
#include "kserve/executor.h"
#include "kserve/inference.h"
#include "kserve_grpc/infer_message.h"

namespace tfe::kserve_grpc {

struct Options {
  MessageLimits limits;
};

struct Dependencies {
  std::shared_ptr<triton::Server> server;
  // Both outlive the router and every connection that uses it.
  kserve::Inference& inference;
  kserve::Executor& executor;
};

inline constexpr std::string_view kService = "/inference.GRPCInferenceService/";

// Everything below, on one router.
void add_service(grpc::Router& router, const Dependencies& dependencies,
                 const Options& options = {});

// One group each: ServerLive, ServerReady, ServerMetadata and the health service; ModelReady,
// ModelMetadata and ModelStatistics; RepositoryIndex, RepositoryModelLoad and
// RepositoryModelUnload; ModelInfer.
void add_server_info(grpc::Router& router, const Dependencies& dependencies);
void add_model_info(grpc::Router& router, const Dependencies& dependencies);
void add_repository(grpc::Router& router, const Dependencies& dependencies);
void add_inference(grpc::Router& router, const Dependencies& dependencies, const Options& options);

}  // namespace tfe::kserve_grpc
