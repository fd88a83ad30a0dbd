// Whether what this process cannot answer can be had from another one behind the same port.
#pragma once

#include "base/status.h"
#include "frontend/options.h"
#include "kserve/inference.h"

namespace tfe::frontend {

// Of the peers of `endpoint`; empty if it has none. kInvalidArgument "handoff_peers: ...".
base::Result<kserve::OtherServers> other_servers(const Endpoint& endpoint);

}  // namespace tfe::frontend
