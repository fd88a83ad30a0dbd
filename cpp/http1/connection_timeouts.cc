// What a connection waits for, and for how long; see connection.h.
#include <algorithm>
#include <utility>

#include "http1/connection.h"

namespace tfe::http1 {

// Sets when the present wait began.
void Connection::note_input(std::size_t count, base::TimePoint now) {
  const bool restarts = std::exchange(wait_restarts_, false);
  if (restarts) idle_since_ = now;
  if (state_ == State::kBody) {
    progress_ += count;
    if (!restarts && progress_ < options_.limits.min_body_progress) return;
  } else if (!restarts && !input_.empty()) {
    return;
  }
  input_since_ = now;
  progress_ = 0;
}

// Whether a client that shut down its sending side is asked if it is still there.
bool Connection::probes_client() const {
  return eof_ && state_ == State::kResponse && !exchange_.started() && head_.version == 11 &&
         options_.limits.probe_half_closed;
}

void Connection::probe_client() {
  if (out_.empty()) out_.append(base::as_bytes(kContinueText), nullptr);
  probed_at_ = now_;
}

void Connection::restart_wait(base::TimePoint now) {
  input_since_ = idle_since_ = now;
  progress_ = 0;
}

std::chrono::milliseconds Connection::idle_limit() const {
  const Limits& limits = options_.limits;
  if (!draining_) return limits.idle_timeout;
  const bool grace_only = limits.idle_timeout.count() == 0;
  return grace_only ? limits.drain_grace : std::min(limits.idle_timeout, limits.drain_grace);
}

std::optional<std::chrono::milliseconds> Connection::input_timeout() const {
  const Limits& limits = options_.limits;
  if (!wants_read()) return std::nullopt;
  std::chrono::milliseconds timeout{0};
  if (state_ == State::kBody) {
    timeout = limits.body_timeout;
  } else if (state_ == State::kHead) {
    timeout = input_.empty() ? idle_limit() : limits.header_timeout;
  }
  if (timeout.count() == 0) return std::nullopt;
  return timeout;
}

std::optional<base::TimePoint> Connection::deadline() const {
  if (state_ == State::kLeaving) return leaves_at_;
  if (probes_client()) return probed_at_ + options_.limits.probe_interval;
  const auto timeout = input_timeout();
  if (!timeout) return std::nullopt;
  return (wait_restarts_ ? now_ : input_since_) + *timeout;
}

void Connection::on_deadline(base::TimePoint now) {
  now_ = now;
  if (state_ == State::kLeaving) return try_to_leave(now);
  if (probes_client()) {
    if (now - probed_at_ >= options_.limits.probe_interval) probe_client();
    return;
  }
  // Nobody told the time since the wait began: it begins now.
  if (std::exchange(wait_restarts_, false)) restart_wait(now);
  const auto timeout = input_timeout();
  if (timeout && now - input_since_ >= *timeout) input_timed_out();
}

}  // namespace tfe::http1
