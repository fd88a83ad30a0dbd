// Request parameters: which names mean something, which may not be used. The decoders of both
// protocols ask here for every member of `parameters`; they differ in value types and texts only.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace tfe::kserve {

enum class Protocol { kHttp, kGrpc };

enum class ParameterKey {
  kSequenceId,
  kSequenceStart,
  kSequenceEnd,
  kPriority,
  kTimeout,
  kBinaryDataOutput,    // HTTP only; a custom parameter in gRPC
  kEmptyFinalResponse,  // gRPC only; reserved in HTTP
  kReserved,            // refuse with reserved_parameter()
  kCustom,              // any other name, also the empty one: passed on to the model
};

ParameterKey parameter_key(std::string_view name, Protocol protocol);

// The refusal of a name that begins with "triton_" (kInvalidArgument).
base::Error reserved_parameter(Protocol protocol);

// The refusal of a custom parameter whose value has a type that the core does not take
// (kInvalidArgument).
base::Error invalid_parameter_type(std::string_view name, Protocol protocol);

}  // namespace tfe::kserve
