// ModelInferResponse from the protocol-neutral response.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/inference.h"

namespace tfe::kserve_grpc {

// The encoded message. Tensor bytes are referenced, with the response as their owner, not copied;
// only small ones join the text before them. Every output has its entry in raw_output_contents, an
// empty one if it has no bytes or is in shared memory: clients index by position. Any thread.
//
// Fails with kInvalidArgument for a message that protobuf cannot hold.
base::Result<base::Chain> encode_infer_response(
    const std::shared_ptr<const kserve::InferResponse>& response);

}  // namespace tfe::kserve_grpc
