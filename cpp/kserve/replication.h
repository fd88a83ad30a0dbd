// Changes that wait for a supervisor to make them on every server of a group.
#pragma once

#include "base/status.h"
#include "kserve/call_queue.h"
#include "kserve/control_call.h"

namespace tfe::kserve {

using Replication = CallQueue<ControlCall, base::Status>;

}  // namespace tfe::kserve
