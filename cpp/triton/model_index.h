// The core's model index as values, for judging a start. The text is the core's own: a JSON array
// of flat objects of strings (TRITONSERVER_ServerModelIndex).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tfe::triton {

// Empty members were not given; a model that was never loaded has a name only.
struct ModelIndexEntry {
  std::string name;
  std::string version;
  std::string state;
  std::string reason;

  bool ready() const { return state == "READY"; }
};

// Text that is no such index gives the entries that could be read.
std::vector<ModelIndexEntry> parse_model_index(std::string_view json);

}  // namespace tfe::triton
