// Counts what hostile peers do in numbers and honest ones do not. Each limit with its reason is a
// field of AbuseLimits; this class only keeps the counts. No clock: the caller passes the time.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "http2/options.h"

namespace tfe::http2 {

class TokenBucket {
 public:
  TokenBucket(Rate rate, base::TimePoint now)
      : rate_(rate), tokens_(static_cast<double>(rate.burst)), filled_at_(now) {}
  // False when the bucket is empty.
  bool take(base::TimePoint now);

 private:
  Rate rate_;
  double tokens_;
  base::TimePoint filled_at_;
};

class AbuseGuard {
 public:
  enum class Event : std::uint8_t { kProvokedReset, kPing, kSettings, kPriority, kDribble };

  AbuseGuard(const AbuseLimits& limits, base::TimePoint now);
  // False: the peer is over the limit and the connection must end.
  bool allow(Event event, base::TimePoint now);

 private:
  TokenBucket provoked_resets_;
  TokenBucket pings_;
  TokenBucket settings_;
  TokenBucket priorities_;
  TokenBucket dribbles_;
};

}  // namespace tfe::http2
