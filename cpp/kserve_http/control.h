// Changes of the server that a client asks for: carried out here, or by whoever replicates them.
#pragma once

#include <functional>
#include <memory>

#include "kserve/control_call.h"
#include "kserve_http/blocking_call.h"

namespace tfe::kserve_http {

// What is answered to a change that was made; for one that was not, it is the error.
using ReplyToChange = std::move_only_function<Reply()>;

void change(std::shared_ptr<const Context> context, kserve::ControlCall call, ReplyToChange reply,
            BlockingCall::Answer answer);

// 200 with an empty body.
Reply done_reply();

}  // namespace tfe::kserve_http
