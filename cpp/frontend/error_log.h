// Where frontends say what goes wrong outside of any request: the log of the core, so that all of
// a server's messages are in one place.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "triton/server.h"

namespace tfe::frontend {

using ErrorLog = std::function<void(const base::Error&)>;

// Warnings that begin with the label. Any thread; holds the server.
ErrorLog error_log(std::shared_ptr<triton::Server> server, std::string label);

}  // namespace tfe::frontend
