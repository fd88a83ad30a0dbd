// Changes of the server that a client asks for: carried out here, or by whoever replicates them.
#pragma once

#include <functional>
#include <string>

#include "base/status.h"
#include "kserve/control_call.h"
#include "kserve_grpc/options.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {

// The response to a change that was made; for one that was not, it is the error.
using ResponseToChange = std::move_only_function<base::Result<std::string>()>;

void change(ContextPtr context, kserve::ControlCall call, ResponseToChange response,
            Respond respond);

// As change() for what was decoded or not; the response has no fields.
void change(ContextPtr context, base::Result<kserve::ControlCall> call, Respond respond);

}  // namespace tfe::kserve_grpc
