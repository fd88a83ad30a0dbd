// Whether a server that was just made has loaded what it should: the core's exit_on_error rule,
// applied from outside, because the core itself would destroy the server in a way that harms others
// (server_create.cc).
#pragma once

#include <string>
#include <vector>

#include "triton/model_index.h"
#include "triton/options.h"

namespace tfe::triton {

// What is missing, as text for an error; empty if nothing is. Every directory of the repositories
// is due, or, with explicit control, the start-up models alone.
std::string missing_models(const ServerOptions& options, const std::vector<ModelIndexEntry>& index);

}  // namespace tfe::triton
