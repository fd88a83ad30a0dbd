// Changes of the server that a client asks for, and questions that mean a whole group of servers:
// carried out here, or by whoever replicates and gathers them.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "kserve/control_call.h"
#include "kserve/group_query.h"
#include "kserve_grpc/options.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {

// The response to a change that was made; for one that was not, it is the error.
using ResponseToChange = std::move_only_function<base::Result<std::string>()>;

void change(ContextPtr context, kserve::ControlCall call, ResponseToChange response,
            Respond respond);

// As change() for what was decoded or not; the response has no fields.
void change(ContextPtr context, base::Result<kserve::ControlCall> call, Respond respond);

// The response made of the JSON text of one server or of all.
using EncodeAnswer = base::Result<std::string> (*)(std::string_view json);
void ask_group(ContextPtr context, kserve::GroupQuery query, EncodeAnswer encode, Respond respond);

}  // namespace tfe::kserve_grpc
