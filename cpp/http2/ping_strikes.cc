#include "http2/ping_strikes.h"

#include <utility>

namespace tfe::http2 {
namespace {

// gRPC's interval for peers without calls, where the server does not permit their pings.
constexpr std::chrono::hours kWithoutCalls{2};

}  // namespace

bool PingStrikes::allow(bool has_calls, base::TimePoint now) {
  const bool silent = !has_calls && !options_.keepalive_without_calls;
  const milliseconds interval = silent ? kWithoutCalls : options_.min_ping_interval;
  const auto last = std::exchange(last_, now);
  if (!last || now >= *last + interval) return true;
  ++strikes_;
  return options_.max_ping_strikes == 0 || strikes_ <= options_.max_ping_strikes;
}

}  // namespace tfe::http2
