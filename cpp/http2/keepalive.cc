#include "http2/keepalive.h"

namespace tfe::http2 {

std::optional<base::TimePoint> Keepalive::deadline(bool has_calls) const {
  if (pinged_at_) return *pinged_at_ + options_.keepalive_timeout;
  if (options_.keepalive_time.count() == 0) return std::nullopt;
  if (!has_calls && !options_.keepalive_without_calls) return std::nullopt;
  return heard_at_ + options_.keepalive_time;
}

Keepalive::Action Keepalive::on_deadline(bool has_calls, base::TimePoint now) {
  const auto due = deadline(has_calls);
  if (!due || now < *due) return Action::kNone;
  if (pinged_at_) return Action::kPeerIsGone;
  pinged_at_ = now;
  return Action::kSendPing;
}

}  // namespace tfe::http2
