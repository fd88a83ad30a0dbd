// From a ModelInferRequest on the wire to the protocol-neutral request: parameters, typed contents,
// raw contents and output options, with the messages of Triton's frontend.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/inference.h"
#include "kserve_grpc/infer_message.h"

namespace tfe::kserve_grpc {

// Tensors stay views into the message, which `owner` keeps; only those that start at an address
// their elements may not have, and typed contents, get memory of their own.
base::Result<kserve::InferRequest> build_infer_request(const InferMessage& message,
                                                       std::int64_t version, base::Owner owner);

// How much work build_infer_request() has with the data, in bytes of typed contents. Raw tensors
// that may have to be moved are copied so much faster.
std::uint64_t data_work(const InferMessage& message);
// From here on a worker does it: some milliseconds, during which a loop would serve nobody else.
inline constexpr std::uint64_t kHeavyData = std::uint64_t{1} << 20;

// Raw contents that belong to no input are left alone, as Triton does; but they may be the sign of
// tensors that were mixed up, so the server's log tells of them. `request` is what was built of the
// message.
void log_surplus(const triton::Server& server, const InferMessage& message,
                 const kserve::InferRequest& request);

}  // namespace tfe::kserve_grpc
