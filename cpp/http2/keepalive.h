// When to send a keepalive PING and when its missing answer means that the peer is gone. Also paces
// nothing else: pings of the peer are AbuseGuard's. No clock: the caller passes the time.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "http2/options.h"

namespace tfe::http2 {

class Keepalive {
 public:
  enum class Action : std::uint8_t { kNone, kSendPing, kPeerIsGone };

  Keepalive(const Options& options, base::TimePoint now) : options_(options), heard_at_(now) {}

  // Any bytes of the peer prove that it lives, but only its acknowledgement ends a ping.
  void heard(base::TimePoint now) { heard_at_ = now; }
  void acknowledged() { pinged_at_.reset(); }
  // HEADERS or DATA went out.
  void sent_data() { pings_since_data_ = 0; }

  std::optional<base::TimePoint> deadline(bool has_calls) const;
  Action on_deadline(bool has_calls, base::TimePoint now);

 private:
  milliseconds interval() const;

  const Options& options_;
  base::TimePoint heard_at_;
  std::optional<base::TimePoint> pinged_at_;
  std::uint32_t pings_since_data_ = 0;
};

}  // namespace tfe::http2
