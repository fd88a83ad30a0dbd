// From a ModelInferRequest on the wire to the protocol-neutral request: parameters, typed contents,
// raw contents and output options, with the messages of Triton's frontend.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/request.h"
#include "kserve_grpc/infer_message.h"

namespace tfe::kserve_grpc {

// Tensors stay views into the message, which `owner` keeps; only those that start at an address
// their elements may not have, and typed contents, get memory of their own.
base::Result<kserve::InferRequest> build_infer_request(const InferMessage& message,
                                                       std::int64_t version, base::Owner owner);

}  // namespace tfe::kserve_grpc
