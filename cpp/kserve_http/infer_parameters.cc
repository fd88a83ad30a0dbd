#include "kserve_http/infer_parameters.h"

#include <algorithm>
#include <bitset>
#include <utility>

#include "kserve/parameters.h"
#include "kserve_http/json_field.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Status;
using codec::JsonType;
using codec::JsonValue;

Status read_sequence_id(JsonValue value, kserve::InferRequest& request) {
  if (value.type() == JsonType::kString) {
    auto text = own_string(value);
    if (!text) return std::unexpected(std::move(text).error());
    request.sequence_id = *std::move(text);
    return {};
  }
  if (auto number = value.unsigned_integer()) {
    request.sequence_id = *number;
    return {};
  }
  return base::fail(Code::kInternal, "attempt to access JSON non-string as string");
}

Status read_flag(JsonValue value, std::uint32_t bit, std::uint32_t& flags) {
  const auto set = value.boolean();
  if (!set) return std::unexpected(set.error());
  flags = *set ? flags | bit : flags & ~bit;
  return {};
}

template <typename T>
Status store(base::Result<T> value, T& out) {
  if (!value) return std::unexpected(std::move(value).error());
  out = *value;
  return {};
}

Status read_reserved(kserve::ParameterKey key, JsonValue value, kserve::InferRequest& request,
                     OutputKinds& kinds) {
  switch (key) {
    case kserve::ParameterKey::kSequenceId:
      return read_sequence_id(value, request);
    case kserve::ParameterKey::kSequenceStart:
      return read_flag(value, triton::kSequenceStart, request.flags);
    case kserve::ParameterKey::kSequenceEnd:
      return read_flag(value, triton::kSequenceEnd, request.flags);
    case kserve::ParameterKey::kPriority:
      return store(value.unsigned_integer(), request.priority);
    case kserve::ParameterKey::kTimeout:
      return store(value.unsigned_integer(), request.timeout_us);
    default:
      return store(value.boolean(), kinds.binary_by_default);
  }
}

// Repetitions are not kept, but count: each is looked for among all others.
Status read_custom(std::string_view key, JsonValue value, const Options& options,
                   std::size_t& repetitions, kserve::InferRequest& request) {
  auto& parameters = request.parameters;
  const bool repeated = std::any_of(parameters.begin(), parameters.end(),
                                    [&](const auto& known) { return known.name == key; });
  if ((repeated ? repetitions++ : parameters.size()) >= options.max_parameters) {
    return base::fail(
        Code::kInvalidArgument,
        "request has more than " + std::to_string(options.max_parameters) + " parameters");
  }
  if (repeated) return value.validate();
  auto decoded = decode_parameter_value(key, value);
  if (!decoded) return std::unexpected(std::move(decoded).error());
  parameters.push_back({std::string(key), *std::move(decoded)});
  return {};
}

}  // namespace

base::Result<triton::ParameterValue> decode_parameter_value(std::string_view key, JsonValue value) {
  switch (value.type()) {
    case JsonType::kString:
      return own_string(value);
    case JsonType::kBool:
      return value.boolean();
    case JsonType::kNumber:
      if (auto integer = value.signed_integer()) return *integer;
      return value.number();
    default:
      if (auto status = value.validate(); !status) return std::unexpected(status.error());
      return std::unexpected(kserve::invalid_parameter_type(key, kserve::Protocol::kHttp));
  }
}

base::Status decode_parameters(JsonValue object, const Options& options,
                               kserve::InferRequest& request, OutputKinds& kinds) {
  if (object.type() != JsonType::kObject) {
    if (auto status = object.validate(); !status) return status;
    return base::fail(Code::kInternal,
                      "failed to get request params.: attempt to get members for non-object");
  }
  std::bitset<32> seen;  // by ParameterKey
  std::size_t repetitions = 0;
  return object.each_member([&](std::string_view name, JsonValue value) -> Status {
    const kserve::ParameterKey key = kserve::parameter_key(name, kserve::Protocol::kHttp);
    if (key == kserve::ParameterKey::kReserved ||
        key == kserve::ParameterKey::kEmptyFinalResponse) {
      return std::unexpected(kserve::reserved_parameter(kserve::Protocol::kHttp));
    }
    if (key == kserve::ParameterKey::kCustom) {
      return read_custom(name, value, options, repetitions, request);
    }
    const auto bit = static_cast<std::size_t>(key);
    if (seen[bit]) return value.validate();
    seen.set(bit);
    auto status = read_reserved(key, value, request, kinds);
    if (!status) return std::unexpected(unable_to_parse(name, status.error()));
    return status;
  });
}

}  // namespace tfe::kserve_http
