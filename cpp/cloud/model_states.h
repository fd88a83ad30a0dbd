// Reads the core's model index (TRITONSERVER_ServerModelIndex as JSON): which models are ready,
// and which are gone for good.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tfe::cloud {

struct ModelState {
  std::string name;
  std::string version;  // empty for a model that was never loaded, as is the state
  std::string state;

  bool ready() const { return state == "READY"; }
  // Neither serving nor on the way to or from it.
  bool gone() const { return state != "READY" && state != "LOADING" && state != "UNLOADING"; }
};

// kInternal for a text that is no model index.
base::Result<std::vector<ModelState>> read_model_index(std::string_view json);

// True if no version of the model is left, also if the index does not know it.
bool is_gone(const std::vector<ModelState>& index, std::string_view model);

}  // namespace tfe::cloud
