// How a connection begins and ends: the handshake, the protocol's making, the last words and the
// wait for the client to close; see connection.h.
#include <utility>

#include "server/clear_text_refusal.h"
#include "server/connection.h"

namespace tfe::server {
namespace {

// Servers that take each other for better ones, as what they know is a moment old, end here; so do
// more of them in a row than could be broken by chance.
constexpr std::uint8_t kMaxPassedOn = 4;

}  // namespace

void Connection::give_up() {
  protocol_->give_up();
  (void)pump_.send(*protocol_, loop_->now(), limits_.send_here_budget, limits_.output_batch);
}

void Connection::shake_hands() {
  switch (transport_->handshake()) {
    case net::HandshakeState::kDone:
      return make_protocol();
    case net::HandshakeState::kWantsRead:
      return;
    case net::HandshakeState::kWantsWrite:
      pump_.want_watch_writable();
      return;
    case net::HandshakeState::kFailed:
      failed_ = true;
      return;
  }
}

void Connection::make_protocol() {
  if (transport_->spoke_clear_text()) {
    counters_.handshake_failures.fetch_add(1, std::memory_order_relaxed);
    protocol_ = make_clear_text_refusal();
  } else {
    const Peer peer{.address = transport_->peer(),
                    .alpn = transport_->alpn(),
                    .tls = transport_->encrypted(),
                    .kind = kind_,
                    .hand_over = [this](base::Bytes unread) { return hand_over(unread); }};
    protocol_ = (*factory_)(peer, shared_from_this());
  }
  state_ = State::kOpen;
  // What followed the handshake may be inside the transport already.
  if (transport_->holds_input()) pump_.note_readable();
}

// The state of TLS cannot be passed on, and what the transport holds has not been seen by whoever
// gives away what it has.
http::HandedOver Connection::hand_over(base::Bytes unread) {
  const bool stuck = transport_->encrypted() || transport_->holds_input();
  if (kind_ != PeerKind::kClient || stuck || passed_on_ >= kMaxPassedOn) {
    return http::HandedOver::kNobody;
  }
  const auto times = static_cast<std::uint8_t>(passed_on_ + 1);
  const auto outcome = owner_.hand_over(transport_->fd(), {.unread = unread, .times = times});
  handed_over_ = outcome == http::HandedOver::kGone;
  return outcome;
}

void Connection::settle_handshake(base::TimePoint now) {
  // Nothing was asked yet, so a drain may end it like an idle connection.
  if (failed_ || draining_ || now >= handshake_until_) {
    if (!draining_) counters_.handshake_failures.fetch_add(1, std::memory_order_relaxed);
    return close();
  }
  watch_writable();
  arm(true);
}

void Connection::begin_linger(base::TimePoint now) {
  end_protocol();
  state_ = State::kLingering;
  if (!transport_->shutdown_write()) pump_.note_readable();
  linger_until_ = now + limits_.linger_timeout;
}

void Connection::linger(base::TimePoint now) {
  const auto outcome =
      failed_ ? SocketPump::Outcome::kFailed : pump_.discard(limits_.receive_budget);
  if (outcome == SocketPump::Outcome::kFailed || pump_.saw_eof() || now >= linger_until_) {
    return close();
  }
  if (outcome == SocketPump::Outcome::kMore) next_turn_ |= kResume;
  watch_writable();
  report_progress();
  arm(true);
}

void Connection::end_protocol() {
  timers_.clear();
  protocol_->abort();
  loop_->add_in_flight(-static_cast<std::int64_t>(std::exchange(reported_in_flight_, 0)));
  protocol_.reset();
}

void Connection::close() {
  if (protocol_) end_protocol();
  report_progress();
  state_ = State::kClosed;
  next_turn_ = 0;
  if (armed_for_) loop_->cancel_timer(armed_timer_);
  loop_->remove(transport_->fd(), this);
  transport_.reset();
  gate_.close();
  owner_.on_closed(*this);
}

}  // namespace tfe::server
