#include "http2/abuse_guard.h"

#include <algorithm>

namespace tfe::http2 {

bool TokenBucket::take(base::TimePoint now) {
  const std::chrono::duration<double> passed = now - filled_at_;
  filled_at_ = now;
  tokens_ = std::min(static_cast<double>(rate_.burst),
                     tokens_ + passed.count() * static_cast<double>(rate_.per_second));
  if (tokens_ < 1.0) return false;
  tokens_ -= 1.0;
  return true;
}

AbuseGuard::AbuseGuard(const AbuseLimits& limits, base::TimePoint now)
    : provoked_resets_(limits.provoked_resets, now),
      pings_(limits.pings, now),
      settings_(limits.settings, now),
      priorities_(limits.priorities, now),
      dribbles_(limits.dribbles, now) {}

bool AbuseGuard::allow(Event event, base::TimePoint now) {
  switch (event) {
    case Event::kProvokedReset:
      return provoked_resets_.take(now);
    case Event::kPing:
      return pings_.take(now);
    case Event::kSettings:
      return settings_.take(now);
    case Event::kPriority:
      return priorities_.take(now);
    case Event::kDribble:
      return dribbles_.take(now);
  }
  return true;
}

}  // namespace tfe::http2
