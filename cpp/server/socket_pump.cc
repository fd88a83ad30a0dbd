#include "server/socket_pump.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tfe::server {
namespace {

using net::IoState;

// What a read that gave nothing takes of the budget: a record of TLS about itself costs about as
// much time as so many bytes of content, and a client may send them without end.
constexpr std::size_t kEmptyRead = 1024;

}  // namespace

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
        if (result.exhausted) {
          read_blocked(result);
          return Outcome::kDone;
        }
        received += kEmptyRead;
        break;
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

void SocketPump::read_blocked(const net::IoResult& result) {
  readable_ = false;
  if (!result.crossed) return;
  read_waits_for_writable_ = true;
  writable_ = false;
  want_watch_writable();
}

void SocketPump::write_blocked(const net::IoResult& result) {
  writable_ = false;
  if (result.crossed) {
    write_waits_for_readable_ = true;
  } else {
    want_watch_writable();
  }
}

// A peer that takes a few bytes now and then would hold the rest of its response for ever.
void SocketPump::track_stall(std::size_t count, base::TimePoint now) {
  taken_since_stall_ += count;
  if (writable_) {
    stalled_since_.reset();
  } else if (!stalled_since_ || taken_since_stall_ >= std::max<std::size_t>(stall_progress_, 1)) {
    stalled_since_ = now;
    taken_since_stall_ = 0;
  }
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
    if (result.exhausted) write_blocked(result);
    if (result.count > 0) {
      sent += result.count;
      bytes_out_ += result.count;
      output.consume(result.count);
      protocol.sent(now);
    }
    track_stall(result.count, now);
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
    if (result.state == IoState::kBlocked && !result.exhausted) {
      dropped += kEmptyRead;
    } else if (result.state == IoState::kBlocked) {
      read_blocked(result);
    } else if (result.exhausted && !peer_closed_) {
      readable_ = false;
    }
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
