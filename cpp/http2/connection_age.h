// When a connection has lived long enough, so that clients behind a balancer spread anew. No clock.
#pragma once

#include <optional>

#include "base/clock.h"
#include "http2/options.h"

namespace tfe::http2 {

class ConnectionAge {
 public:
  // `luck` in 0..1 places the end within the jitter, so that connections which were opened together
  // do not come back together.
  ConnectionAge(const Options& options, base::TimePoint opened, double luck);

  // When to drain; none for a connection that may live for ever.
  std::optional<base::TimePoint> old_at() const { return old_at_; }
  void drained(base::TimePoint now);
  // When the calls that are left after the drain are given up; none without drained() or limit.
  std::optional<base::TimePoint> given_up_at() const { return given_up_at_; }

 private:
  const Options& options_;
  std::optional<base::TimePoint> old_at_;
  std::optional<base::TimePoint> given_up_at_;
};

// A new number of 0..1 for each connection.
double random_luck();

}  // namespace tfe::http2
