#include "kserve_http/control.h"

#include <utility>

namespace tfe::kserve_http {

void change(std::shared_ptr<const Context> context, kserve::ControlCall call, ReplyToChange reply,
            BlockingCall::Answer answer) {
  const Context& held = *context;
  auto done = [context = std::move(context), reply = std::move(reply),
               answer = std::move(answer)](base::Status status) mutable {
    answer(status ? reply() : error_reply(status.error()));
  };
  kserve::change(*held.server, held.inference.extensions(), std::move(call), std::move(done));
}

void ask_group(std::shared_ptr<const Context> context, kserve::GroupQuery query,
               BlockingCall::Answer answer) {
  const Context& held = *context;
  auto reply = [context = std::move(context), answer = std::move(answer)](
                   base::Result<std::string> json) mutable { answer(json_reply(std::move(json))); };
  kserve::ask_group(*held.server, held.inference.extensions(), std::move(query), std::move(reply));
}

Reply done_reply() { return empty_reply(200, kJson); }

}  // namespace tfe::kserve_http
