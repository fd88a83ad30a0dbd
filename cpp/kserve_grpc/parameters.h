// map<string, InferParameter> on the wire, as views into the message.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "codec/proto_reader.h"

namespace tfe::kserve_grpc {

// The oneof parameter_choice; monostate if no member is set.
using ParameterChoice =
    std::variant<std::monostate, bool, std::int64_t, std::string_view, double, std::uint64_t>;

struct WireParameter {
  std::string_view key;
  ParameterChoice value;
};

// Adds the entry of one map field. False if it is malformed.
bool parse_parameter(base::Bytes entry, std::vector<WireParameter>& parameters);
// Of several entries with one key the last stays.
void drop_overwritten(std::vector<WireParameter>& parameters);

}  // namespace tfe::kserve_grpc
