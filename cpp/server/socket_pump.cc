#include "server/socket_pump.h"

#include <array>
#include <utility>

namespace tfe::server {

using net::IoState;

SocketPump::Outcome SocketPump::receive(http::Protocol& protocol, base::TimePoint now,
                                        std::size_t budget) {
  std::size_t received = 0;
  while (can_receive(protocol)) {
    if (received >= budget) return Outcome::kMore;
    const base::MutableBytes buffer = protocol.receive_buffer();
    // A read into nothing would look like the end of the stream.
    if (buffer.empty()) return Outcome::kDone;
    const net::IoResult result = transport_.read(buffer);
    switch (result.state) {
      case IoState::kOk:
        if (result.exhausted && !peer_closed_) readable_ = false;
        received += result.count;
        bytes_in_ += result.count;
        protocol.received(result.count, now);
        break;
      case IoState::kBlocked:
        readable_ = false;
        return Outcome::kDone;
      case IoState::kEof:
        eof_ = true;
        protocol.received_eof(now);
        return Outcome::kDone;
      case IoState::kFailed:
        return Outcome::kFailed;
    }
  }
  return Outcome::kDone;
}

SocketPump::Outcome SocketPump::send(http::Protocol& protocol, base::TimePoint now,
                                     std::size_t budget, std::size_t batch) {
  std::size_t sent = 0;
  while (true) {
    base::Chain& output = protocol.output(batch);
    all_sent_ = output.empty();
    if (all_sent_) {
      stalled_since_.reset();
      return Outcome::kDone;
    }
    if (!writable_) return Outcome::kDone;
    if (sent >= budget) return Outcome::kMore;
    const net::IoResult result = transport_.write(output.segments());
    if (result.state == IoState::kFailed || result.state == IoState::kEof) return Outcome::kFailed;
    if (result.exhausted) {
      writable_ = false;
      if (watch_writable_ == Watch::kNo) watch_writable_ = Watch::kWanted;
    }
    if (result.count > 0) {
      sent += result.count;
      bytes_out_ += result.count;
      output.consume(result.count);
      protocol.sent(now);
    }
    if (writable_) {
      stalled_since_.reset();
    } else if (result.count > 0 || !stalled_since_) {
      stalled_since_ = now;
    }
  }
}

SocketPump::Outcome SocketPump::discard(std::size_t budget) {
  std::array<std::byte, 16 * 1024> scratch;
  std::size_t dropped = 0;
  while (readable_ && !eof_) {
    if (dropped >= budget) return Outcome::kMore;
    const net::IoResult result = transport_.read(scratch);
    if (result.state == IoState::kFailed) return Outcome::kFailed;
    eof_ = result.state == IoState::kEof;
    if (result.exhausted && !peer_closed_) readable_ = false;
    dropped += result.count;
    bytes_in_ += result.count;
  }
  return Outcome::kDone;
}

bool SocketPump::take_watch_writable() {
  if (watch_writable_ != Watch::kWanted) return false;
  watch_writable_ = Watch::kYes;
  return true;
}

std::size_t SocketPump::take_bytes_in() { return std::exchange(bytes_in_, 0); }
std::size_t SocketPump::take_bytes_out() { return std::exchange(bytes_out_, 0); }

}  // namespace tfe::server
