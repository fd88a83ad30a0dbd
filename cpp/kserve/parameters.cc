#include "kserve/parameters.h"

namespace tfe::kserve {

namespace {

constexpr std::string_view kReservedPrefix = "triton_";
constexpr std::string_view kEmptyFinal = "triton_enable_empty_final_response";

}  // namespace

ParameterKey parameter_key(std::string_view name, Protocol protocol) {
  if (name == "sequence_id") return ParameterKey::kSequenceId;
  if (name == "sequence_start") return ParameterKey::kSequenceStart;
  if (name == "sequence_end") return ParameterKey::kSequenceEnd;
  if (name == "priority") return ParameterKey::kPriority;
  if (name == "timeout") return ParameterKey::kTimeout;
  if (protocol == Protocol::kHttp && name == "binary_data_output") {
    return ParameterKey::kBinaryDataOutput;
  }
  if (protocol == Protocol::kGrpc && name == kEmptyFinal) return ParameterKey::kEmptyFinalResponse;
  if (name.starts_with(kReservedPrefix)) return ParameterKey::kReserved;
  return ParameterKey::kCustom;
}

base::Error reserved_parameter(Protocol protocol) {
  if (protocol == Protocol::kHttp) {
    return {base::Code::kInvalidArgument,
            "parameter keys starting with 'triton_' are reserved for Triton usage and should not "
            "be specified."};
  }
  return {base::Code::kInvalidArgument,
          "parameter keys starting with 'triton_' are reserved for Triton usage. Only the "
          "following keys starting with 'triton_' are allowed: " +
              std::string(kEmptyFinal)};
}

base::Error invalid_parameter_type(std::string_view name, Protocol protocol) {
  if (protocol == Protocol::kHttp) {
    return {base::Code::kInvalidArgument,
            "parameter '" + std::string(name) +
                "' has invalid type. It should be either 'int', 'bool', or 'string'."};
  }
  return {base::Code::kInvalidArgument,
          "invalid value type for '" + std::string(name) +
              "' parameter, expected int64_param, bool_param, or string_param."};
}

}  // namespace tfe::kserve
