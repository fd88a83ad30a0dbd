// TLS over a non-blocking socket, server side. See net/transport.h for the contract.
//
// Edge-triggered polling and TLS differ on what "nothing left" means: OpenSSL may hold bytes that
// were received already, so a read is `exhausted` only when both the socket and OpenSSL are empty.
// A record that the socket did not take is kept encrypted inside OpenSSL; its bytes stay in the
// caller's chain until the socket took the record, and must be presented again, with more behind
// them or not. The end of the stream without close_notify is an end like any other: HTTP messages
// carry their length, so a cut is noticed there.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "net/tls_context.h"
#include "net/transport.h"

namespace tfe::net {

class TlsTransport final : public Transport {
 public:
  // Null when there is no memory. `socket` is a connected, non-blocking stream socket.
  static std::unique_ptr<TlsTransport> create(std::shared_ptr<const TlsCredentials> credentials,
                                              base::UniqueFd socket, const SocketAddress& peer);
  // Says goodbye (close_notify) if the socket takes it.
  ~TlsTransport() override;

  HandshakeState handshake() override;
  IoResult read(base::MutableBytes buffer) override;
  IoResult write(std::span<const base::Segment> segments) override;
  bool shutdown_write() override;
  int fd() const override { return plain_.fd(); }
  const SocketAddress& peer() const override { return plain_.peer(); }
  std::string_view alpn() const override { return alpn_; }
  bool encrypted() const override { return true; }
  bool spoke_clear_text() const override { return clear_text_; }

  // Called by OpenSSL through the BIO in the .cc file. Bytes moved, 0 at the end, -1 with errno.
  long socket_read(void* data, std::size_t size);
  long socket_write(const void* data, std::size_t size);

 private:
  struct Free {
    void operator()(SSL* ssl) const;
  };

  TlsTransport(std::shared_ptr<const TlsCredentials> credentials, base::UniqueFd socket,
               const SocketAddress& peer);
  bool attach();
  IoResult failed(int result, bool reading);
  void learn_alpn();

  const std::shared_ptr<const TlsCredentials> credentials_;
  PlainTransport plain_;  // owns the socket; also carries the talk with peers without TLS
  std::unique_ptr<SSL, Free> ssl_;
  std::string alpn_;
  bool handshaken_ = false;
  bool dead_ = false;  // after a fatal error OpenSSL must not be asked for anything
  bool first_byte_seen_ = false;
  bool clear_text_ = false;
  bool socket_empty_ = false;    // the present read took all there was
  bool socket_blocked_ = false;  // it found nothing
  bool goodbye_waits_ = false;
};

}  // namespace tfe::net
