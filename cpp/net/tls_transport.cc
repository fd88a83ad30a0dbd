#include "net/tls_transport.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tfe::net {
namespace {

// A record of TLS holds this much (RFC 8446 section 5.1). One is written at a time, so that what
// OpenSSL keeps of an unfinished write is never more.
constexpr std::size_t kRecord = 16 * 1024;
// A first segment of at least this size is sent from where it is; smaller ones are gathered with
// those behind them, since each record costs a header, a tag and a system call.
constexpr std::size_t kDirect = 8 * 1024;
// The first byte of a TLS connection: a handshake record (RFC 8446 section 5.1).
constexpr unsigned char kHandshakeRecord = 0x16;

TlsTransport& transport_of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

int bio_read(BIO* bio, char* data, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  const long got = transport_of(bio).socket_read(data, size);
  if (got > 0) {
    *count = static_cast<std::size_t>(got);
    return 1;
  }
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return 0;
}

int bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  const long taken = transport_of(bio).socket_write(data, size);
  if (taken >= 0) {
    *count = static_cast<std::size_t>(taken);
    return 1;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) BIO_set_retry_write(bio);
  return 0;
}

long bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

// OpenSSL's own socket BIO writes with write(2), which may raise SIGPIPE.
const BIO_METHOD* bio_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transport");
    if (made == nullptr) return made;
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

// Up to one record from the front of the segments: in place, or gathered into `scratch`. The same
// again for the same segments with more behind them, at least as long, as a repeated write needs.
base::Bytes next_record(std::span<const base::Segment> segments, std::size_t skip,
                        base::MutableBytes scratch) {
  const base::Bytes first = segments.front().bytes.subspan(skip);
  if (first.size() >= kDirect || segments.size() == 1) {
    return first.first(std::min(first.size(), kRecord));
  }
  std::size_t size = 0;
  for (const base::Segment& segment : segments) {
    const base::Bytes bytes = size == 0 ? first : segment.bytes;
    const std::size_t count = std::min(bytes.size(), scratch.size() - size);
    if (count > 0) std::memcpy(scratch.data() + size, bytes.data(), count);
    size += count;
    if (size == scratch.size()) break;
  }
  return scratch.first(size);
}

}  // namespace

void TlsTransport::Free::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsTransport::TlsTransport(std::shared_ptr<const TlsCredentials> credentials, base::UniqueFd socket,
                           const SocketAddress& peer)
    : credentials_(std::move(credentials)), plain_(std::move(socket), peer) {}

std::unique_ptr<TlsTransport> TlsTransport::create(
    std::shared_ptr<const TlsCredentials> credentials, base::UniqueFd socket,
    const SocketAddress& peer) {
  std::unique_ptr<TlsTransport> transport(
      new TlsTransport(std::move(credentials), std::move(socket), peer));
  if (!transport->attach()) return nullptr;
  return transport;
}

bool TlsTransport::attach() {
  ERR_clear_error();
  ssl_.reset(SSL_new(credentials_->context.get()));
  BIO* bio = bio_method() != nullptr ? BIO_new(bio_method()) : nullptr;
  if (!ssl_ || bio == nullptr) {
    BIO_free(bio);
    return false;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes the reference
  SSL_set_accept_state(ssl_.get());
  return true;
}

TlsTransport::~TlsTransport() {
  if (ssl_ && handshaken_ && !dead_) shutdown_write();
}

long TlsTransport::socket_read(void* data, std::size_t size) {
  ssize_t count = 0;
  do {
    count = ::recv(fd(), data, size, 0);
  } while (count < 0 && errno == EINTR);
  socket_empty_ = count < 0 || static_cast<std::size_t>(count) < size;
  socket_blocked_ = count < 0;
  if (count > 0 && !std::exchange(first_byte_seen_, true)) {
    const unsigned char first = *static_cast<const unsigned char*>(data);
    clear_text_ = first != kHandshakeRecord && first >= 'A' && first <= 'Z';
  }
  return count;
}

long TlsTransport::socket_write(const void* data, std::size_t size) {
  // No alert into a conversation in clear text: an HTTP answer follows.
  if (clear_text_) return static_cast<long>(size);
  ssize_t count = 0;
  do {
    count = ::send(fd(), data, size, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  return count;
}

HandshakeState TlsTransport::handshake() {
  if (handshaken_ || clear_text_) return HandshakeState::kDone;
  if (dead_) return HandshakeState::kFailed;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    handshaken_ = true;
    learn_alpn();
    return HandshakeState::kDone;
  }
  if (clear_text_) return HandshakeState::kDone;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return HandshakeState::kWantsRead;
    case SSL_ERROR_WANT_WRITE:
      return HandshakeState::kWantsWrite;
    default:
      dead_ = true;
      ERR_clear_error();
      return HandshakeState::kFailed;
  }
}

void TlsTransport::learn_alpn() {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  if (size > 0) alpn_.assign(reinterpret_cast<const char*>(name), size);
}

IoResult TlsTransport::failed(int result, bool reading) {
  const int error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      // Without a look at an empty socket: a record that carried nothing for the caller.
      return {.exhausted = !reading || socket_blocked_, .crossed = !reading};
    case SSL_ERROR_WANT_WRITE:
      return {.crossed = reading};
    case SSL_ERROR_ZERO_RETURN:
      if (reading) return {.state = IoState::kEof};
      [[fallthrough]];
    default:
      dead_ = true;
      ERR_clear_error();
      return {.state = IoState::kFailed, .error = error != 0 ? error : EPROTO};
  }
}

IoResult TlsTransport::read(base::MutableBytes buffer) {
  if (clear_text_) return plain_.read(buffer);
  if (dead_) return {.state = IoState::kFailed, .error = EPROTO};
  if (goodbye_waits_ && !shutdown_write()) return {.crossed = true};
  // A record that OpenSSL held already says nothing of the socket, which may have got more since.
  socket_empty_ = socket_blocked_ = false;
  ERR_clear_error();
  std::size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
  if (result != 1) return failed(result, true);
  const bool exhausted = socket_empty_ && SSL_has_pending(ssl_.get()) == 0;
  return {.state = IoState::kOk, .count = count, .exhausted = exhausted};
}

IoResult TlsTransport::write(std::span<const base::Segment> segments) {
  if (clear_text_) return plain_.write(segments);
  if (dead_) return {.state = IoState::kFailed, .error = EPROTO};
  std::array<std::byte, kRecord> scratch;
  std::size_t taken = 0;
  std::size_t skip = 0;  // of the first segment that is left
  while (!segments.empty()) {
    const base::Bytes record = next_record(segments, skip, scratch);
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &count);
    if (result != 1) {
      IoResult end = failed(result, false);
      if (taken == 0 || end.state == IoState::kFailed) return end;
      return {.state = IoState::kOk, .count = taken, .exhausted = true, .crossed = end.crossed};
    }
    taken += count;
    skip += count;
    while (!segments.empty() && skip >= segments.front().bytes.size()) {
      skip -= segments.front().bytes.size();
      segments = segments.subspan(1);
    }
  }
  return {.state = IoState::kOk, .count = taken, .exhausted = false};
}

bool TlsTransport::shutdown_write() {
  if (handshaken_ && !dead_) {
    ERR_clear_error();
    const int result = SSL_shutdown(ssl_.get());
    goodbye_waits_ = result < 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE;
    if (goodbye_waits_) return false;
    ERR_clear_error();
  }
  return plain_.shutdown_write();
}

}  // namespace tfe::net
