#include "cloud/default_model.h"

#include <set>
#include <utility>

#include "cloud/model_states.h"

namespace tfe::cloud {

base::Result<std::string> find_default_model(const triton::Server& server,
                                             const std::string& wanted) {
  const auto text = server.model_index(true);
  if (!text) return std::unexpected(text.error());
  const auto index = read_model_index(*text);
  if (!index) return std::unexpected(index.error());
  // A model with several versions is one model.
  std::set<std::string> ready;
  for (const ModelState& entry : *index) {
    if (entry.ready()) ready.insert(entry.name);
  }
  if (wanted.empty() && ready.size() == 1) return *ready.begin();
  if (wanted.empty()) {
    return base::fail(base::Code::kInvalidArgument,
                      "Expect the model repository contains only a single model if default model "
                      "is not specified");
  }
  if (ready.contains(wanted)) return wanted;
  return base::fail(base::Code::kInvalidArgument,
                    "Expect the default model '" + wanted + "' is loaded");
}

}  // namespace tfe::cloud
