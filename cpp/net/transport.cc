#include "net/transport.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tfe::net {
namespace {

// Segments per system call. IOV_MAX is 1024; 64 keeps the array on the stack small and covers a
// response with its tensors.
constexpr std::size_t kMaxVectors = 64;

IoResult from_errno() {
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
  return {.state = IoState::kFailed, .count = 0, .exhausted = true, .error = errno};
}

}  // namespace

PlainTransport::PlainTransport(base::UniqueFd socket, const SocketAddress& peer, std::string unread)
    : socket_(std::move(socket)), peer_(peer), unread_(std::move(unread)) {}

IoResult PlainTransport::read(base::MutableBytes buffer) {
  if (!unread_.empty()) return read_again(buffer);
  ssize_t count = 0;
  do {
    count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return from_errno();
  if (count == 0) return {.state = IoState::kEof};
  // epoll(7): a stream that gave less than asked is drained. The end of the stream may follow
  // without a new edge; the caller knows that from EPOLLRDHUP.
  const auto got = static_cast<std::size_t>(count);
  return {.state = IoState::kOk, .count = got, .exhausted = got < buffer.size()};
}

IoResult PlainTransport::read_again(base::MutableBytes buffer) {
  const std::size_t count = std::min(buffer.size(), unread_.size());
  std::memcpy(buffer.data(), unread_.data(), count);
  unread_.erase(0, count);
  if (unread_.empty()) std::string().swap(unread_);  // gives its memory back
  return {.state = IoState::kOk, .count = count, .exhausted = false};
}

IoResult PlainTransport::write(std::span<const base::Segment> segments) {
  std::array<iovec, kMaxVectors> vectors;
  const std::size_t used = std::min(segments.size(), vectors.size());
  std::size_t total = 0;
  for (std::size_t i = 0; i < used; ++i) {
    const base::Bytes bytes = segments[i].bytes;
    // iovec is shared with readv and therefore not const.
    vectors[i] = {const_cast<std::byte*>(bytes.data()), bytes.size()};
    total += bytes.size();
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = used;
  ssize_t count = 0;
  do {
    count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return from_errno();
  const auto taken = static_cast<std::size_t>(count);
  return {.state = IoState::kOk, .count = taken, .exhausted = taken < total};
}

bool PlainTransport::shutdown_write() {
  ::shutdown(socket_.get(), SHUT_WR);
  return true;
}

}  // namespace tfe::net
