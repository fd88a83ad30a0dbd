// How a connection ends and what time does to it: limits broken, drain, loss, keepalive.
#include <nghttp2/nghttp2.h>

#include <string_view>
#include <utility>

#include "http2/connection.h"

namespace tfe::http2 {

// --- Ending --------------------------------------------------------------------------------------

void Connection::count(AbuseGuard::Event event) {
  if (!guard_.allow(event, now_)) go_away(NGHTTP2_ENHANCE_YOUR_CALM);
}

// The acknowledgement is the session's and comes first.
void Connection::receive_ping() {
  count(AbuseGuard::Event::kPing);
  if (strikes_.allow(!streams_.empty(), now_) || std::exchange(calmed_, true)) return;
  constexpr std::string_view kReason = "too_many_pings";  // clients compare it
  nghttp2_submit_goaway(session(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session()),
                        NGHTTP2_ENHANCE_YOUR_CALM,
                        reinterpret_cast<const std::uint8_t*>(kReason.data()), kReason.size());
}

void Connection::go_away(std::uint32_t code) { nghttp2_session_terminate_session(session(), code); }

// After input: if the session decided to end, nothing that is in flight will be answered.
void Connection::settle() {
  if (phase_ == Phase::kClosed || phase_ == Phase::kPreface) return;
  if (error_sent_) close();
}

void Connection::close() {
  if (std::exchange(phase_, Phase::kClosed) == Phase::kClosed) return;
  // A sink may call anything but its own exchange; streams are still there while they are told.
  for (std::size_t index = 0; index < streams_.size(); ++index) streams_[index]->lose();
  for (const auto& stream : streams_) {
    nghttp2_session_set_stream_user_data(session(), stream->id(), nullptr);
  }
  streams_.clear();
  counter_->store(0, std::memory_order_relaxed);
}

void Connection::give_up() {
  if (phase_ == Phase::kPreface || phase_ == Phase::kClosed) return;
  for (std::size_t index = 0; index < streams_.size(); ++index) streams_[index]->give_up();
  if (phase_ != Phase::kDraining) end_notice();
}

void Connection::abort() {
  close();
  writer_.chain() = {};
}

bool Connection::finished() const {
  if (writer_.size() > 0) return false;
  if (phase_ == Phase::kClosed || error_sent_) return true;
  return phase_ == Phase::kDraining && streams_.empty() &&
         nghttp2_session_want_write(session()) == 0;
}

bool Connection::idle() const {
  if (!streams_.empty() || writer_.size() > 0) return false;
  const bool speaking = phase_ != Phase::kPreface && phase_ != Phase::kClosed;
  return !speaking || nghttp2_session_want_write(session()) == 0;
}

void Connection::drain(base::TimePoint now) {
  now_ = now;
  if (phase_ == Phase::kPreface) return close();
  say_goodbye();
  if (phase_ == Phase::kClosed || std::exchange(draining_, true)) return;
  // What they answer is queued: no stream goes while they are told.
  for (std::size_t index = 0; index < streams_.size(); ++index) streams_[index]->notify_drain();
}

// RFC 9113 section 6.8: a first GOAWAY that excludes nothing, then, one round trip later, the one
// that names the last request taken. Clients lose no request that was on its way.
void Connection::say_goodbye() {
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kNotice;
  notice_at_ = now_;
  nghttp2_submit_shutdown_notice(session());
  send_ping();
  notice_ping_ = pings_sent_;
}

void Connection::end_notice() {
  phase_ = Phase::kDraining;
  nghttp2_submit_goaway(session(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session()), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void Connection::send_ping() {
  ++pings_sent_;
  nghttp2_submit_ping(session(), NGHTTP2_FLAG_NONE, nullptr);
}

// Answers come in the order of the pings, so they are counted and not told apart.
void Connection::on_pong() {
  ++pings_answered_;
  keepalive_.acknowledged();
  if (phase_ == Phase::kNotice && pings_answered_ >= notice_ping_) end_notice();
}

// --- Time ----------------------------------------------------------------------------------------

Connection::Due Connection::preface_due() const {
  if (phase_ != Phase::kPreface) return std::nullopt;
  return accepted_at_ + options_.preface_timeout;
}

Connection::Due Connection::idle_due() const {
  const bool counts = phase_ == Phase::kOpen && streams_.empty();
  if (!counts || options_.idle_timeout.count() == 0) return std::nullopt;
  return idle_since_ + options_.idle_timeout;
}

// Not when it is over, but when to look: pressure may come and go meanwhile.
Connection::Due Connection::stall_due() const {
  if (writer_.size() == 0 && pending_ == 0) return std::nullopt;
  Due due;
  if (options_.write_stall_timeout.count() > 0) due = progress_at_ + options_.write_stall_timeout;
  if (!options_.responses || options_.pressed_stall_timeout.count() == 0) return due;
  // While there is no pressure: once in each such time.
  const auto passed = now_ - progress_at_;
  const auto looks = passed / options_.pressed_stall_timeout + 1;
  const auto look = progress_at_ + looks * options_.pressed_stall_timeout;
  return due && *due < look ? due : look;
}

bool Connection::stalled(base::TimePoint now) const {
  if (writer_.size() == 0 && pending_ == 0) return false;
  const auto silent = now - progress_at_;
  const bool pressed = options_.responses && options_.responses->exceeded() &&
                       options_.pressed_stall_timeout.count() > 0;
  if (pressed && silent >= options_.pressed_stall_timeout) return true;
  return options_.write_stall_timeout.count() > 0 && silent >= options_.write_stall_timeout;
}

Connection::Due Connection::notice_due() const {
  if (phase_ != Phase::kNotice) return std::nullopt;
  return notice_at_ + options_.drain_notice;
}

Connection::Due Connection::deadline() const {
  Due first;
  const auto consider = [&first](Due due) {
    if (due && (!first || *due < *first)) first = due;
  };
  consider(stall_due());
  if (phase_ == Phase::kClosed) return first;
  consider(preface_due());
  consider(idle_due());
  consider(notice_due());
  if (phase_ == Phase::kOpen) consider(age_.old_at());
  consider(age_.given_up_at());
  if (phase_ != Phase::kPreface) consider(keepalive_.deadline(!streams_.empty()));
  return first;
}

void Connection::on_deadline(base::TimePoint now) {
  now_ = now;
  const auto passed = [now](Due due) { return due && now >= *due; };
  if (stalled(now)) return abort();
  if (phase_ == Phase::kClosed) return;
  if (passed(preface_due())) return close();
  if (passed(age_.given_up_at())) return close();
  if (passed(idle_due())) say_goodbye();
  if (phase_ == Phase::kOpen && passed(age_.old_at())) {
    say_goodbye();
    age_.drained(now);
  }
  if (passed(notice_due())) end_notice();
  check_keepalive();
}

void Connection::check_keepalive() {
  if (phase_ == Phase::kPreface || phase_ == Phase::kClosed) return;
  switch (keepalive_.on_deadline(!streams_.empty(), now_)) {
    case Keepalive::Action::kSendPing:
      return send_ping();
    case Keepalive::Action::kPeerIsGone:
      return abort();
    case Keepalive::Action::kNone:
      return;
  }
}

}  // namespace tfe::http2
