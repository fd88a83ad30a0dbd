// What the parameters of a ModelInferRequest mean (KServe v2 extensions: sequence, schedule policy,
// parameters).
#pragma once

#include <vector>

#include "base/status.h"
#include "kserve/request.h"
#include "kserve_grpc/parameters.h"

namespace tfe::kserve_grpc {

// Fails with kInvalidArgument naming the parameter and the member of InferParameter it takes.
base::Status apply_request_parameters(const std::vector<WireParameter>& parameters,
                                      kserve::InferRequest& request);

}  // namespace tfe::kserve_grpc
