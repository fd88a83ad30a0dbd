#include "cloud/sagemaker_route.h"

#include "http/headers.h"

namespace tfe::cloud {

SageMakerRoute sagemaker_route(std::string_view target) {
  constexpr std::string_view kPrefix = "/models";
  std::string_view path = http::path_of(target);
  if (path == "/ping") return {SageMakerPath::kPing, {}};
  if (path == "/invocations") return {SageMakerPath::kInvocations, {}};
  if (path == kPrefix || path == "/models/") return {SageMakerPath::kModels, {}};
  if (!path.starts_with("/models/")) return {};
  path.remove_prefix(kPrefix.size() + 1);
  const std::string_view name = path.substr(0, path.find('/'));
  path.remove_prefix(name.size());
  if (name.empty()) return {};
  if (path.empty()) return {SageMakerPath::kModel, http::Name(name)};
  if (path == "/invoke") return {SageMakerPath::kInvoke, http::Name(name)};
  return {};
}

std::string_view allowed_methods(SageMakerPath path) {
  switch (path) {
    case SageMakerPath::kPing:
      return "GET, HEAD";
    case SageMakerPath::kInvocations:
    case SageMakerPath::kInvoke:
      return "POST";
    case SageMakerPath::kModels:
      return "GET, HEAD, POST";
    case SageMakerPath::kModel:
      return "GET, HEAD, POST, DELETE";
    case SageMakerPath::kUnknown:
      break;
  }
  return "";
}

bool allows(SageMakerPath path, std::string_view method) {
  bool found = false;
  http::for_each_item(allowed_methods(path),
                      [&](std::string_view allowed) { found = found || allowed == method; });
  return found;
}

kserve::Api api_of(SageMakerPath path) {
  switch (path) {
    case SageMakerPath::kPing:
      return kserve::Api::kHealth;
    case SageMakerPath::kInvocations:
    case SageMakerPath::kInvoke:
      return kserve::Api::kInference;
    default:
      return kserve::Api::kModelRepository;
  }
}

}  // namespace tfe::cloud
