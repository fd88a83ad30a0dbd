#include "kserve_grpc/parameters.h"

#include <algorithm>
#include <unordered_set>

namespace tfe::kserve_grpc {
namespace {

using codec::field_key;
using codec::ProtoReader;
using codec::Wire;

bool parse_choice(base::Bytes message, ParameterChoice& choice) {
  ProtoReader reader(message);
  while (reader.next()) {
    switch (reader.key()) {
      case field_key(1, Wire::kVarint):
        choice = reader.boolean();
        break;
      case field_key(2, Wire::kVarint):
        choice = reader.int64();
        break;
      case field_key(3, Wire::kBytes):
        choice = reader.text();
        break;
      case field_key(4, Wire::kFixed64):
        choice = reader.float64();
        break;
      case field_key(5, Wire::kVarint):
        choice = reader.number_value();
        break;
      default:
        break;
    }
  }
  return !reader.failed();
}

}  // namespace

bool parse_parameter(base::Bytes entry, std::vector<WireParameter>& parameters) {
  WireParameter parameter;
  ProtoReader reader(entry);
  while (reader.next()) {
    if (reader.key() == field_key(1, Wire::kBytes)) {
      parameter.key = reader.text();
    } else if (reader.key() == field_key(2, Wire::kBytes)) {
      if (!parse_choice(reader.bytes(), parameter.value)) return false;
    }
  }
  parameters.push_back(parameter);
  return !reader.failed();
}

void drop_overwritten(std::vector<WireParameter>& parameters) {
  if (parameters.size() < 2) return;
  std::unordered_set<std::string_view> seen;
  seen.reserve(parameters.size());
  // From the back, so that the last entry of a key is met first.
  const auto kept = std::remove_if(
      parameters.rbegin(), parameters.rend(),
      [&seen](const WireParameter& parameter) { return !seen.insert(parameter.key).second; });
  parameters.erase(parameters.begin(), kept.base());
}

}  // namespace tfe::kserve_grpc
