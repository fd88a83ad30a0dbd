// Changes of the server that a client asks for, and questions that mean a whole group of servers:
// carried out here, or by whoever replicates and gathers them.
#pragma once

#include <functional>
#include <memory>

#include "kserve/control_call.h"
#include "kserve/group_query.h"
#include "kserve_http/blocking_call.h"

namespace tfe::kserve_http {

// What is answered to a change that was made; for one that was not, it is the error.
using ReplyToChange = std::move_only_function<Reply()>;

void change(std::shared_ptr<const Context> context, kserve::ControlCall call, ReplyToChange reply,
            BlockingCall::Answer answer);

// Answers with the JSON text of one server or of all.
void ask_group(std::shared_ptr<const Context> context, kserve::GroupQuery query,
               BlockingCall::Answer answer);

// 200 with an empty body.
Reply done_reply();

}  // namespace tfe::kserve_http
