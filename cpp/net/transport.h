// The byte stream under a connection: a plain socket now, TLS as a second implementation.
//
// Non-blocking, made for edge-triggered polling: after a result with `exhausted` there is nothing
// to gain from another call until epoll reports the descriptor again. Not thread-safe; the
// connection's strand serializes. SIGPIPE is never raised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "net/address.h"

namespace tfe::net {

enum class IoState : std::uint8_t {
  kOk,       // `count` bytes moved, at least one
  kBlocked,  // nothing moved; wait for epoll
  kEof,      // read only: the peer finished its side
  kFailed,   // the stream is dead; `error` is the errno
};

struct IoResult {
  IoState state = IoState::kBlocked;
  std::size_t count = 0;
  bool exhausted = true;
  int error = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;

  // `buffer` must not be empty.
  virtual IoResult read(base::MutableBytes buffer) = 0;
  // Sends a prefix of the segments, which must hold at least one byte.
  virtual IoResult write(std::span<const base::Segment> segments) = 0;
  // Tells the peer that nothing more comes; reading goes on.
  virtual void shutdown_write() = 0;

  virtual int fd() const = 0;
  virtual const SocketAddress& peer() const = 0;
  // The application protocol agreed on during the handshake ("h2", "http/1.1"); empty without TLS.
  virtual std::string_view alpn() const { return {}; }
};

class PlainTransport final : public Transport {
 public:
  // `socket` is a connected, non-blocking stream socket.
  PlainTransport(base::UniqueFd socket, const SocketAddress& peer);

  IoResult read(base::MutableBytes buffer) override;
  IoResult write(std::span<const base::Segment> segments) override;
  void shutdown_write() override;
  int fd() const override { return socket_.get(); }
  const SocketAddress& peer() const override { return peer_; }

 private:
  const base::UniqueFd socket_;
  const SocketAddress peer_;
};

}  // namespace tfe::net
