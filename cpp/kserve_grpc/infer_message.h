// ModelInferRequest as it is on the wire: views into the message, nothing judged but its form.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve_grpc/parameters.h"
#include "kserve_grpc/tensor_contents.h"

namespace tfe::kserve_grpc {

struct WireInput {
  std::string_view name;
  std::string_view datatype;
  std::vector<std::int64_t> shape;
  std::vector<WireParameter> parameters;
  TensorContents contents;
};

struct WireOutput {
  std::string_view name;
  std::vector<WireParameter> parameters;
};

struct InferMessage {
  std::string_view model_name;
  std::string_view model_version;
  std::string_view id;
  std::vector<WireParameter> parameters;
  std::vector<WireInput> inputs;
  std::vector<WireOutput> outputs;
  std::vector<base::Bytes> raw_inputs;
};

// What a message may hold. A field of two bytes becomes an object of a hundred, so numbers are
// bounded apart from the message's size; no model comes near these.
struct MessageLimits {
  std::size_t max_tensors = 16'384;  // inputs, outputs and raw contents, each
  std::size_t max_parameters = 16'384;
  std::size_t max_rank = 1'024;
};

// Fails with kInternal "Unable to parse request", or kResourceExhausted naming the limit.
base::Result<InferMessage> parse_infer_message(base::Bytes message, const MessageLimits& limits);

// Where the first raw tensor begins, looking no further than `head` reaches: the receiver aligns
// its buffer for it. 0 if there is none.
std::size_t first_raw_offset(base::Bytes head);

}  // namespace tfe::kserve_grpc
