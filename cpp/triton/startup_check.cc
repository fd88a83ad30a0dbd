#include "triton/startup_check.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace tfe::triton {

namespace {

constexpr const char* kNotLoaded = ": not loaded, its directory or configuration is not valid";

bool loads_everything(const ServerOptions& options) {
  return options.model_control_mode != ModelControlMode::kExplicit ||
         options.startup_models == std::vector<std::string>{"*"};
}

// Local repositories only; the core lists the others itself.
std::set<std::string> directories_of(const ServerOptions& options) {
  std::set<std::string> names;
  for (const std::string& path : options.model_repositories) {
    std::error_code failed;
    for (auto entry = std::filesystem::directory_iterator(path, failed);
         !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
      std::error_code ignored;
      if (entry->is_directory(ignored)) names.insert(entry->path().filename());
    }
  }
  return names;
}

std::set<std::string> due_models(const ServerOptions& options,
                                 const std::vector<ModelIndexEntry>& index) {
  if (!loads_everything(options)) {
    return {options.startup_models.begin(), options.startup_models.end()};
  }
  std::set<std::string> names = directories_of(options);
  for (const ModelIndexEntry& entry : index) names.insert(entry.name);
  return names;
}

void add(std::string* text, const std::string& part) {
  if (!text->empty()) *text += "; ";
  *text += part;
}

}  // namespace

std::string missing_models(const ServerOptions& options,
                           const std::vector<ModelIndexEntry>& index) {
  std::string text;
  std::set<std::string> seen;
  for (const ModelIndexEntry& entry : index) {
    if (entry.state.empty()) continue;  // known by name only
    seen.insert(entry.name);
    if (entry.ready()) continue;
    std::string part = "'" + entry.name + "'";
    if (!entry.version.empty()) part += " version " + entry.version;
    add(&text, part + ": " + (entry.reason.empty() ? entry.state : entry.reason));
  }
  // Repositories mapped to other names are registered later, so a directory's name is its model's.
  for (const std::string& name : due_models(options, index)) {
    if (!seen.contains(name)) add(&text, "'" + name + "'" + kNotLoaded);
  }
  return text;
}

}  // namespace tfe::triton
