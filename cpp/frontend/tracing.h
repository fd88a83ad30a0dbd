// Trace settings of a server before its first request.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "triton/server.h"

namespace tfe::frontend {

// Pairs as behind --trace-config, see kserve/trace_settings.h. The result holds the settings, for
// as long as no frontend does; dropping the last of them writes what is left.
base::Result<std::shared_ptr<void>> configure_tracing(
    const triton::Server& server, const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace tfe::frontend
