#include "cloud/vertex_redirect.h"

#include "http/router.h"

namespace tfe::cloud {

using http::Endpoint;

Redirect classify_redirect(std::string_view path) {
  if (path == "metrics") return Redirect::kMetrics;
  const std::string target = "/" + std::string(path);
  switch (http::route(target).endpoint) {
    case Endpoint::kServerLive:
    case Endpoint::kServerReady:
    case Endpoint::kServerMetadata:
    case Endpoint::kModelReady:
    case Endpoint::kModelMetadata:
    case Endpoint::kModelConfig:
    case Endpoint::kModelStatistics:
    case Endpoint::kSystemMemoryStatus:
    case Endpoint::kCudaMemoryStatus:
      return Redirect::kGet;
    case Endpoint::kRepositoryIndex:
      return Redirect::kPost;
    case Endpoint::kInfer:
      return Redirect::kInfer;
    case Endpoint::kRepositoryLoad:
    case Endpoint::kRepositoryUnload:
    case Endpoint::kSystemMemoryRegister:
    case Endpoint::kSystemMemoryUnregister:
    case Endpoint::kCudaMemoryRegister:
    case Endpoint::kCudaMemoryUnregister:
      return Redirect::kForbidden;
    default:
      return Redirect::kUnknown;
  }
}

}  // namespace tfe::cloud
