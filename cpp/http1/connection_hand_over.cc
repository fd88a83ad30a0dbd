// How a connection goes to another server with the request that it has just begun; see
// connection.h.
#include "http1/connection.h"

namespace tfe::http1 {
namespace {

using http::HandedOver;

// A server with something in its inbox looks into it at once, so the next attempt may do.
constexpr std::chrono::milliseconds kRetry{5};

}  // namespace

// While the handler looks at the head, which is why the input still holds it, and before there is a
// sink. What the client was answered before goes first.
bool Connection::hand_over() {
  if (stays_ || sink_ || !out_.empty() || !client_.hand_over) return false;
  switch (client_.hand_over(input_.bytes())) {
    case HandedOver::kNobody:
      return false;
    case HandedOver::kGone:
      close();
      return true;
    case HandedOver::kNoRoom:
      break;
  }
  state_ = State::kLeaving;
  leaves_until_ = now_ + options_.limits.hand_over_timeout;
  leaves_at_ = now_ + kRetry;
  return true;
}

void Connection::try_to_leave(base::TimePoint now) {
  if (now < leaves_at_) return;
  const HandedOver outcome = client_.hand_over(input_.bytes());
  if (outcome == HandedOver::kGone) return close();
  leaves_at_ = now + kRetry;
  if (outcome == HandedOver::kNoRoom && now < leaves_until_) return;
  stays_ = true;
  --requests_;  // it is begun again
  state_ = State::kHead;
  process();
}

}  // namespace tfe::http1
