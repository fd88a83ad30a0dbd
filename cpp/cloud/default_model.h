// Which model the predict route of Vertex AI stands for, decided when the endpoint starts.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "kserve/model_control.h"

namespace tfe::cloud {

// `wanted`, if a version of it is ready; if it is empty, the only model that is ready. Fails with
// kInvalidArgument in Triton's words otherwise. Asks the core; blocks for as long as its index
// takes.
base::Result<std::string> find_default_model(const triton::Server& server,
                                             const std::string& wanted);

}  // namespace tfe::cloud
