// ModelStreamInferResponse: what a stream says of one request.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/inference.h"

namespace tfe::kserve_grpc {

// The request as its client wrote it; answers without a response of the core repeat it.
struct StreamIdentity {
  std::string id;
  std::string model_name;
  std::string model_version;  // "" if the client left the choice to the server
};

// A response, with the parameter triton_final_response. Tensor bytes as in encode_infer_response().
// Fails with kInvalidArgument for a message that protobuf cannot hold. Any thread.
base::Result<base::Chain> encode_stream_response(
    const std::shared_ptr<const kserve::InferResponse>& response, bool final);

// An error of a request that reached the core.
base::Chain encode_stream_error(std::string_view text, const StreamIdentity& request, bool final);
// An error of one that did not: only the id is told.
base::Chain encode_stream_refusal(std::string_view text, std::string_view id);
// The end of a request whose last response has been sent already.
base::Chain encode_empty_final(const StreamIdentity& request);

}  // namespace tfe::kserve_grpc
