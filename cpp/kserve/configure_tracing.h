// Tracing as it is set up at the start of a server.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kserve/extensions.h"
#include "triton/server.h"

namespace tfe::kserve {

// Sets the server's tracing up from pairs as --trace-config has them; see parse_trace_config().
// What it returns, which holds no server, must be kept for as long as the settings are to hold:
// extensions go with their last holder. Dropping the last one, and the normal end of the process,
// complete the trace files.
base::Result<std::shared_ptr<Extensions>> configure_tracing(
    const triton::Server& server, const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace tfe::kserve
