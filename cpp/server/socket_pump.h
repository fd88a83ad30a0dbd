// Moves bytes between a transport and a protocol, and remembers what the socket can do: with
// edge-triggered polling the kernel says only once that a socket became readable or writable.
//
// On the connection's strand. The transport outlives the pump.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "http/protocol.h"
#include "net/transport.h"

namespace tfe::server {

class SocketPump {
 public:
  enum class Outcome : std::uint8_t {
    kDone,    // nothing more to do until the socket or the protocol changes
    kMore,    // the budget is used up; call again in another turn
    kFailed,  // the stream is dead
  };

  // `stall_progress`: what the peer has to take for the clock of stalled_since() to start anew.
  SocketPump(net::Transport& transport, std::size_t stall_progress)
      : transport_(transport), stall_progress_(stall_progress) {}

  void note_readable() {
    readable_ = true;
    if (std::exchange(write_waits_for_readable_, false)) writable_ = true;
  }
  void note_writable() {
    writable_ = true;
    if (std::exchange(read_waits_for_writable_, false)) readable_ = true;
  }
  // More bytes may be waiting before the end of the stream, so reading goes on until it shows.
  void note_peer_closed() { readable_ = peer_closed_ = true; }

  // Whether receive() would do something.
  bool can_receive(const http::Protocol& protocol) const {
    return readable_ && !eof_ && protocol.wants_read();
  }
  Outcome receive(http::Protocol& protocol, base::TimePoint now, std::size_t budget);
  // `batch`: what is asked of Protocol::output() at a time.
  Outcome send(http::Protocol& protocol, base::TimePoint now, std::size_t budget,
               std::size_t batch);
  // Reads and drops what comes. kDone at the end of the stream only if saw_eof().
  Outcome discard(std::size_t budget);

  bool saw_eof() const { return eof_; }
  // Whether the last send() ended with nothing left to send.
  bool all_sent() const { return all_sent_; }
  // Since when output has waited for the peer to take enough of it.
  std::optional<base::TimePoint> stalled_since() const { return stalled_since_; }
  void want_watch_writable() {
    if (watch_writable_ == Watch::kNo) watch_writable_ = Watch::kWanted;
  }
  // True once if the socket has to be watched for EPOLLOUT from now on.
  bool take_watch_writable();

  std::size_t take_bytes_in();
  std::size_t take_bytes_out();

 private:
  void read_blocked(const net::IoResult& result);
  void write_blocked(const net::IoResult& result);
  void track_stall(std::size_t count, base::TimePoint now);

  net::Transport& transport_;
  const std::size_t stall_progress_;
  bool readable_ = false;
  bool writable_ = true;
  bool peer_closed_ = false;
  bool eof_ = false;
  bool all_sent_ = true;
  bool read_waits_for_writable_ = false;
  bool write_waits_for_readable_ = false;
  // Sockets are writable nearly always; watching for it only after the first short write spares
  // unix sockets a wake-up for everything the peer reads.
  enum class Watch : std::uint8_t { kNo, kWanted, kYes } watch_writable_ = Watch::kNo;
  std::optional<base::TimePoint> stalled_since_;
  std::size_t taken_since_stall_ = 0;
  std::size_t bytes_in_ = 0;
  std::size_t bytes_out_ = 0;
};

}  // namespace tfe::server
