#include "kserve_grpc/request_parameters.h"

#include <string>
#include <string_view>

#include "kserve/parameters.h"

namespace tfe::kserve_grpc {
namespace {

base::Status invalid(std::string message) {
  return base::fail(base::Code::kInvalidArgument, std::move(message));
}

base::Status wrong_type(std::string_view key, std::string_view expected) {
  return invalid("invalid value type for '" + std::string(key) + "' parameter, expected " +
                 std::string(expected) + ".");
}

base::Status set_sequence_id(const ParameterChoice& value, kserve::InferRequest& request) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    request.sequence_id = static_cast<std::uint64_t>(*number);
  } else if (const auto* text = std::get_if<std::string_view>(&value)) {
    request.sequence_id = std::string(*text);
  } else {
    return wrong_type("sequence_id", "int64_param or string_param");
  }
  return {};
}

base::Status set_flag(std::string_view key, const ParameterChoice& value, std::uint32_t flag,
                      kserve::InferRequest& request) {
  const auto* set = std::get_if<bool>(&value);
  if (set == nullptr) return wrong_type(key, "bool_param");
  if (*set) request.flags |= flag;
  return {};
}

base::Status set_priority(const ParameterChoice& value, kserve::InferRequest& request) {
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    request.priority = *number;
    return {};
  }
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) return wrong_type("priority", "int64_param or uint64_param");
  if (*number < 0) return invalid("invalid value for 'priority', expected value >= 0.");
  request.priority = static_cast<std::uint64_t>(*number);
  return {};
}

base::Status set_timeout(const ParameterChoice& value, kserve::InferRequest& request) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) return wrong_type("timeout", "int64_param");
  request.timeout_us = static_cast<std::uint64_t>(*number);
  return {};
}

// Only streams of decoupled models act on it; C++ clients send it with every request.
base::Status set_empty_final(const WireParameter& wire) {
  return std::holds_alternative<bool>(wire.value) ? base::Status{}
                                                  : wrong_type(wire.key, "bool_param");
}

base::Status add_custom(const WireParameter& wire, kserve::InferRequest& request) {
  triton::Parameter parameter{std::string(wire.key), false};
  if (const auto* truth = std::get_if<bool>(&wire.value)) {
    parameter.value = *truth;
  } else if (const auto* number = std::get_if<std::int64_t>(&wire.value)) {
    parameter.value = *number;
  } else if (const auto* real = std::get_if<double>(&wire.value)) {
    parameter.value = *real;
  } else if (const auto* text = std::get_if<std::string_view>(&wire.value)) {
    parameter.value = std::string(*text);
  } else {
    return std::unexpected(kserve::invalid_parameter_type(wire.key, kserve::Protocol::kGrpc));
  }
  request.parameters.push_back(std::move(parameter));
  return {};
}

base::Status check_texts(const WireParameter& wire) {
  const auto* text = std::get_if<std::string_view>(&wire.value);
  if (!wire.key.contains('\0') && (text == nullptr || !text->contains('\0'))) return {};
  return invalid("parameter '" + std::string(wire.key) + "' must not contain a NUL byte");
}

base::Status apply(const WireParameter& wire, kserve::InferRequest& request) {
  if (auto checked = check_texts(wire); !checked) return checked;
  using Key = kserve::ParameterKey;
  switch (kserve::parameter_key(wire.key, kserve::Protocol::kGrpc)) {
    case Key::kSequenceId:
      return set_sequence_id(wire.value, request);
    case Key::kSequenceStart:
      return set_flag(wire.key, wire.value, triton::kSequenceStart, request);
    case Key::kSequenceEnd:
      return set_flag(wire.key, wire.value, triton::kSequenceEnd, request);
    case Key::kPriority:
      return set_priority(wire.value, request);
    case Key::kTimeout:
      return set_timeout(wire.value, request);
    case Key::kEmptyFinalResponse:
      return set_empty_final(wire);
    case Key::kReserved:
      return std::unexpected(kserve::reserved_parameter(kserve::Protocol::kGrpc));
    case Key::kBinaryDataOutput:
    case Key::kCustom:
      break;
  }
  return add_custom(wire, request);
}

}  // namespace

base::Status apply_request_parameters(const std::vector<WireParameter>& parameters,
                                      kserve::InferRequest& request) {
  for (const WireParameter& wire : parameters) {
    if (auto applied = apply(wire, request); !applied) return applied;
  }
  return {};
}

}  // namespace tfe::kserve_grpc
