#include "kserve_grpc/access.h"

#include <algorithm>
#include <array>

#include "kserve_grpc/service.h"

namespace tfe::kserve_grpc {
namespace {

using kserve::Api;

struct Rule {
  std::string_view method;
  Api api;
};

constexpr auto kRules = std::to_array<Rule>({
    {"ServerLive", Api::kHealth},
    {"ServerReady", Api::kHealth},
    {"ModelReady", Api::kHealth},
    {"ServerMetadata", Api::kMetadata},
    {"ModelMetadata", Api::kMetadata},
    {"ModelInfer", Api::kInference},
    {"ModelStreamInfer", Api::kInference},
    {"ModelConfig", Api::kModelConfig},
    {"ModelStatistics", Api::kStatistics},
    {"RepositoryIndex", Api::kModelRepository},
    {"RepositoryModelLoad", Api::kModelRepository},
    {"RepositoryModelUnload", Api::kModelRepository},
    {"SystemSharedMemoryStatus", Api::kSharedMemory},
    {"SystemSharedMemoryRegister", Api::kSharedMemory},
    {"SystemSharedMemoryUnregister", Api::kSharedMemory},
    {"CudaSharedMemoryStatus", Api::kSharedMemory},
    {"CudaSharedMemoryRegister", Api::kSharedMemory},
    {"CudaSharedMemoryUnregister", Api::kSharedMemory},
    {"TraceSetting", Api::kTrace},
    {"LogSettings", Api::kLogging},
});

constexpr std::string_view kHealthService = "/grpc.health.v1.Health/";

}  // namespace

std::optional<Api> api_of(std::string_view path) {
  if (path.starts_with(kHealthService)) return Api::kHealth;
  if (!path.starts_with(kService)) return std::nullopt;
  const auto found = std::ranges::find(kRules, path.substr(kService.size()), &Rule::method);
  if (found == kRules.end()) return std::nullopt;
  return found->api;
}

void protect(grpc::Router& router, const ContextPtr& context) {
  if (!context->access.restricts_any()) return;
  router.protect([context](std::string_view path,
                           const grpc::Metadata& metadata) -> std::optional<grpc::Status> {
    const auto api = api_of(path);
    if (!api) return std::nullopt;
    auto allowed =
        context->access.check(*api, [&](std::string_view key) { return metadata.find(key); });
    if (allowed) return std::nullopt;
    return grpc::to_status(std::move(allowed.error()));
  });
}

}  // namespace tfe::kserve_grpc
