// The protocol-neutral inference request. HTTP and gRPC decoders fill it, Inference checks and runs
// it; each rule about it exists once, in this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "triton/types.h"

namespace tfe::kserve {

class RequestTrace;

struct SharedMemoryRef {
  std::string region;
  std::uint64_t offset = 0;
  std::uint64_t byte_size = 0;
};

struct Input {
  std::string name;
  triton::DataType datatype = triton::DataType::kInvalid;
  triton::Shape shape;
  base::Bytes data;  // in memory held by InferRequest::memory
  std::optional<SharedMemoryRef> shared_memory;
};

struct RequestedOutput {
  std::string name;
  std::uint32_t classification = 0;  // number of classes, 0 for none
  std::optional<SharedMemoryRef> shared_memory;
};

struct InferRequest {
  std::string model;
  std::int64_t version = -1;  // -1: the model's version policy
  std::string id;
  std::vector<triton::Parameter> parameters;
  std::variant<std::monostate, std::uint64_t, std::string> sequence_id;
  std::uint32_t flags = 0;  // triton::kSequenceStart | triton::kSequenceEnd
  std::uint64_t priority = 0;
  std::uint64_t timeout_us = 0;
  std::vector<Input> inputs;
  std::vector<RequestedOutput> outputs;  // empty: all outputs of the model
  // The whole body is the model's only input (binary requests without a JSON header).
  std::optional<base::Bytes> raw_input;
  // Whatever holds the memory of the inputs; dropped when the core has released the request.
  std::vector<base::Owner> memory;
  // Of a sampled request. The core's part is taken when it is sent; see tracing.h.
  std::shared_ptr<RequestTrace> trace;
};

}  // namespace tfe::kserve
