// ModelInferResponse from the protocol-neutral response.
#pragma once

#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/status.h"
#include "codec/proto_writer.h"
#include "kserve/inference.h"

namespace tfe::kserve_grpc {

// The encoded message. Tensor bytes are referenced, with the response as their owner, not copied;
// only small ones join the text before them. Every output has its entry in raw_output_contents, an
// empty one if it has no bytes or is in shared memory: clients index by position. Any thread.
//
// Parameters of the frontend's own, `more`, come after those of the model and win over them. Fails
// with kInvalidArgument for a message that protobuf cannot hold.
base::Result<base::Chain> encode_infer_response(
    const std::shared_ptr<const kserve::InferResponse>& response,
    std::span<const triton::Parameter> more = {});

// One entry of ModelInferResponse.parameters.
void encode_parameter(const triton::Parameter& parameter, codec::ProtoWriter& writer);

}  // namespace tfe::kserve_grpc
