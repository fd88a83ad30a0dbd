// The byte stream under a connection: a plain socket here, TLS in tls_transport.h.
//
// Non-blocking, made for edge-triggered polling: after a result with `exhausted` there is nothing
// to gain from another call until epoll reports the descriptor again. Not thread-safe; the
// connection's strand serializes. SIGPIPE is never raised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "net/address.h"

namespace tfe::net {

enum class IoState : std::uint8_t {
  kOk,       // `count` bytes moved, at least one
  kBlocked,  // nothing moved; wait for epoll, unless a read is not `exhausted`: ask again
  kEof,      // read only: the peer finished its side
  kFailed,   // the stream is dead; `error` is the errno
};

struct IoResult {
  IoState state = IoState::kBlocked;
  std::size_t count = 0;
  bool exhausted = true;
  int error = 0;
  // kBlocked: a read waits for the socket to become writable, or a write for it to become readable,
  // since TLS may have something of its own to say first.
  bool crossed = false;
};

enum class HandshakeState : std::uint8_t { kDone, kWantsRead, kWantsWrite, kFailed };

class Transport {
 public:
  virtual ~Transport() = default;

  // To be repeated, when the socket is ready for what it wants, until it is done; read and write
  // come after. Again with kDone afterwards.
  virtual HandshakeState handshake() { return HandshakeState::kDone; }
  // `buffer` must not be empty.
  virtual IoResult read(base::MutableBytes buffer) = 0;
  // Sends a prefix of the segments, which must hold at least one byte.
  virtual IoResult write(std::span<const base::Segment> segments) = 0;
  // Tells the peer that nothing more comes; reading goes on. False: the socket is full, and a read
  // will try again.
  virtual bool shutdown_write() = 0;

  virtual int fd() const = 0;
  virtual const SocketAddress& peer() const = 0;
  // The application protocol agreed on during the handshake ("h2", "http/1.1"); empty without TLS.
  virtual std::string_view alpn() const { return {}; }
  virtual bool encrypted() const { return false; }
  // Whether a read may give something although the socket has nothing.
  virtual bool holds_input() const { return encrypted(); }
  // The peer spoke in clear text where TLS was expected. What it said is lost, but reading and
  // writing work, in clear text, so that it can be told.
  virtual bool spoke_clear_text() const { return false; }
};

class PlainTransport final : public Transport {
 public:
  // `socket` is a connected, non-blocking stream socket. `unread` was received from it before, and
  // is what is read first.
  PlainTransport(base::UniqueFd socket, const SocketAddress& peer, std::string unread = {});

  IoResult read(base::MutableBytes buffer) override;
  IoResult write(std::span<const base::Segment> segments) override;
  bool shutdown_write() override;
  int fd() const override { return socket_.get(); }
  const SocketAddress& peer() const override { return peer_; }
  bool holds_input() const override { return !unread_.empty(); }

 private:
  IoResult read_again(base::MutableBytes buffer);

  const base::UniqueFd socket_;
  const SocketAddress peer_;
  std::string unread_;
};

}  // namespace tfe::net
