// Rules about models that both protocols share: readiness, and the model repository extension: what
// a load takes, and the calls themselves. Loads and unloads block; run them on an Executor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "triton/server.h"

namespace tfe::kserve {

// Whether a version of the model can take requests. Like the newest cores, but from any: an error
// for a model that is not there at all (kNotFound) or is being loaded or unloaded (kUnavailable).
base::Result<bool> model_ready(const triton::Server& server, const std::string& name,
                               std::int64_t version);

enum class LoadParameterKind {
  kConfig,   // "config": the model configuration as JSON text
  kFile,     // "file:<path>": the bytes of a file that overrides the repository's
  kUnknown,  // refuse; the protocols word it themselves
};

LoadParameterKind load_parameter_kind(std::string_view name);

// What the core would do with these names is no business of a client: an empty name, and one that
// leaves the repository's directory (kInvalidArgument). For loads.
base::Status check_model_name(const std::string& name);

// kUnsupported if a repository is named: no core can tell its repositories apart.
base::Status check_repository_name(std::string_view repository);

base::Status load_model(triton::Server& server, const std::string& name,
                        const std::vector<triton::LoadParameter>& parameters);
base::Status unload_model(triton::Server& server, const std::string& name, bool dependents);

}  // namespace tfe::kserve
