// What a connection drives: one HTTP connection without its socket. Implemented by http1 and http2.
//
// The caller owns time and bytes: it receives into receive_buffer(), says how much came, sends what
// output() holds, and reports the clock. All calls on the connection's strand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "base/bytes.h"
#include "base/clock.h"

namespace tfe::http {

// What became of a connection that was to be given to another server of the port.
enum class HandedOver : std::uint8_t {
  kGone,    // it is the other's now: close it without a word
  kNoRoom,  // the others have no room for it at the moment
  kNobody,  // it has to stay
};
// `unread` was received of it, and is looked at again over there. On the connection's strand.
using HandOver = std::function<HandedOver(base::Bytes unread)>;

class Protocol {
 public:
  virtual ~Protocol() = default;

  // Never empty while wants_read(). May point into a sink's own body buffer.
  virtual base::MutableBytes receive_buffer() = 0;
  virtual void received(std::size_t count, base::TimePoint now) = 0;
  // The peer finished its side. What is in flight is still answered.
  virtual void received_eof(base::TimePoint now) = 0;
  // False holds the peer back: paused bodies, too many pipelined requests, output that is not read.
  virtual bool wants_read() const = 0;

  // Bytes to send, refilled up to about `budget`. The caller consume()s what the socket took and
  // then calls sent().
  virtual base::Chain& output(std::size_t budget) = 0;
  virtual void sent(base::TimePoint now) = 0;

  // Everything was said: close as soon as output() is empty.
  virtual bool finished() const = 0;
  // No request in flight and nothing to send: may be closed during a drain without loss.
  virtual bool idle() const = 0;
  // Requests accepted and not yet answered in full.
  virtual std::size_t in_flight() const = 0;

  // Answer what is in flight, take nothing new, then finish (Connection: close, GOAWAY).
  virtual void drain(base::TimePoint now) = 0;
  // The server stops: who asked something is told, as far as the protocol has words for it. What
  // output() then holds is sent once, without waiting, and abort() follows.
  virtual void give_up() {}
  // The transport failed or is being torn down: on_abort for every open exchange.
  virtual void abort() = 0;

  // When on_deadline() wants to be called next (header, body, idle and keepalive limits).
  virtual std::optional<base::TimePoint> deadline() const = 0;
  virtual void on_deadline(base::TimePoint now) = 0;
};

}  // namespace tfe::http
