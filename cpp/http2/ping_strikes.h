// Judges the peer's PINGs as gRPC's own servers do: each that comes sooner than the minimum
// interval after the one before is a strike, and above the limit of strikes the connection ends
// with ENHANCE_YOUR_CALM, "too_many_pings", at which gRPC clients double their keepalive time.
// HEADERS or DATA that we send forgive all, so that the pings with which clients measure bandwidth
// cost nothing. No clock: the caller passes the time.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "http2/options.h"

namespace tfe::http2 {

class PingStrikes {
 public:
  explicit PingStrikes(const Options& options) : options_(options) {}

  // False: one strike too many.
  bool allow(bool has_calls, base::TimePoint now);
  void sent_data() {
    last_.reset();
    strikes_ = 0;
  }

 private:
  const Options& options_;
  std::optional<base::TimePoint> last_;
  std::uint32_t strikes_ = 0;
};

}  // namespace tfe::http2
