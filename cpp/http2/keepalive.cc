#include "http2/keepalive.h"

#include <algorithm>

namespace tfe::http2 {
namespace {

// Between pings above the cap: a dead peer must still be found.
constexpr std::chrono::minutes kAboveCap{1};

}  // namespace

milliseconds Keepalive::interval() const {
  const std::uint32_t cap = options_.max_pings_without_data;
  if (cap == 0 || pings_since_data_ < cap) return options_.keepalive_time;
  return std::max<milliseconds>(options_.keepalive_time, kAboveCap);
}

std::optional<base::TimePoint> Keepalive::deadline(bool has_calls) const {
  if (pinged_at_) return *pinged_at_ + options_.keepalive_timeout;
  if (options_.keepalive_time.count() == 0) return std::nullopt;
  if (!has_calls && !options_.keepalive_without_calls) return std::nullopt;
  return heard_at_ + interval();
}

Keepalive::Action Keepalive::on_deadline(bool has_calls, base::TimePoint now) {
  const auto due = deadline(has_calls);
  if (!due || now < *due) return Action::kNone;
  if (pinged_at_) return Action::kPeerIsGone;
  pinged_at_ = now;
  ++pings_since_data_;
  return Action::kSendPing;
}

}  // namespace tfe::http2
