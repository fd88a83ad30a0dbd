// Paths of the SageMaker endpoints: /ping, /invocations and those of multi-model mode, see
// https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
#pragma once

#include <cstdint>
#include <string_view>

#include "http/router.h"
#include "kserve/access_policy.h"

namespace tfe::cloud {

enum class SageMakerPath : std::uint8_t {
  kUnknown,
  kPing,         // GET
  kInvocations,  // POST
  kModels,       // GET: list, POST: load
  kModel,        // GET: describe, DELETE: unload, POST: load (the name is in the body)
  kInvoke,       // POST
};

struct SageMakerRoute {
  SageMakerPath path = SageMakerPath::kUnknown;
  http::Name model;
};

// `target` must outlive the route. Paths match in full and in exact case, "/models/" is "/models";
// the query is ignored; a model's name is one segment, percent-decoded.
SageMakerRoute sagemaker_route(std::string_view target);

// The value of the Allow header.
std::string_view allowed_methods(SageMakerPath path);
bool allows(SageMakerPath path, std::string_view method);
// The group of restricted APIs. Not for kUnknown.
kserve::Api api_of(SageMakerPath path);

}  // namespace tfe::cloud
