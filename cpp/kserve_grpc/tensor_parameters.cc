#include "kserve_grpc/tensor_parameters.h"

#include <algorithm>
#include <limits>
#include <string>

namespace tfe::kserve_grpc {
namespace {

constexpr std::string_view kRegion = "shared_memory_region";
constexpr std::string_view kOffset = "shared_memory_offset";
constexpr std::string_view kByteSize = "shared_memory_byte_size";
constexpr std::string_view kClassification = "classification";

const ParameterChoice* find(const std::vector<WireParameter>& parameters, std::string_view key) {
  const auto found = std::ranges::find(parameters, key, &WireParameter::key);
  return found == parameters.end() ? nullptr : &found->value;
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::unexpected<base::Error> wrong_type(std::string_view key, std::string_view tensor,
                                        std::string_view expected) {
  return base::fail(base::Code::kInvalidArgument, "invalid value type for " + quoted(key) +
                                                      " parameter for tensor " + quoted(tensor) +
                                                      ", expected " + std::string(expected) + ".");
}

// Nothing if the parameter is absent.
base::Result<std::optional<std::uint64_t>> number(const std::vector<WireParameter>& parameters,
                                                  std::string_view key, std::string_view tensor,
                                                  bool has_region) {
  const ParameterChoice* value = find(parameters, key);
  if (value == nullptr) return std::nullopt;
  if (!has_region) {
    return base::fail(base::Code::kInvalidArgument, quoted(key) + " can not be specified without " +
                                                        quoted(kRegion) + " parameter for tensor " +
                                                        quoted(tensor));
  }
  const auto* given = std::get_if<std::int64_t>(value);
  if (given == nullptr) return wrong_type(key, tensor, "int64_param");
  return static_cast<std::uint64_t>(*given);
}

}  // namespace

base::Result<std::optional<kserve::SharedMemoryRef>> parse_shared_memory(
    const std::vector<WireParameter>& parameters, std::string_view tensor) {
  if (parameters.empty()) return std::nullopt;
  const ParameterChoice* region = find(parameters, kRegion);
  const auto* name = region != nullptr ? std::get_if<std::string_view>(region) : nullptr;
  if (region != nullptr && name == nullptr) return wrong_type(kRegion, tensor, "string_param");
  const auto offset = number(parameters, kOffset, tensor, name != nullptr);
  if (!offset) return std::unexpected(offset.error());
  const auto byte_size = number(parameters, kByteSize, tensor, name != nullptr);
  if (!byte_size) return std::unexpected(byte_size.error());
  if (name == nullptr) return std::nullopt;
  if (!byte_size->has_value()) {
    return base::fail(base::Code::kInvalidArgument,
                      quoted(kByteSize) + " must be specified along with " + quoted(kRegion) +
                          " parameter for tensor " + quoted(tensor));
  }
  return kserve::SharedMemoryRef{std::string(*name), offset->value_or(0), **byte_size};
}

base::Result<std::uint32_t> parse_classification(const std::vector<WireParameter>& parameters) {
  const ParameterChoice* value = find(parameters, kClassification);
  if (value == nullptr) return 0;
  const auto* count = std::get_if<std::int64_t>(value);
  if (count == nullptr) {
    return base::fail(base::Code::kInvalidArgument,
                      "invalid value type for 'classification' parameter, expected int64_param");
  }
  if (*count <= 0) {
    return base::fail(base::Code::kInvalidArgument,
                      "invalid value for 'classification' parameter, expected >= 0");
  }
  // More than any output has elements, and not cut to 32 bits, which could leave 0 or 1 of it.
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::min(*count, kMost));
}

}  // namespace tfe::kserve_grpc
