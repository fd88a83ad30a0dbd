#include "net/inbox.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace tfe::net {
namespace {

// As for accepting: a burst cannot keep the loop from serving what it has.
constexpr int kMaxBurst = 64;

constexpr std::size_t kMaxPacket = 1 + kMaxUnread;

int socket_type(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? type : -1;
}

base::UniqueFd descriptor_of(msghdr& message) {
  base::UniqueFd found;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(part), sizeof fd);
    found.reset(fd);
  }
  return found;
}

}  // namespace

bool prepare_socket(int fd, SocketAddress& peer) {
  peer.length = sizeof(peer.storage);
  if (socket_type(fd) != SOCK_STREAM || ::getpeername(fd, peer.get(), &peer.length) != 0) {
    return false;  // the client may have gone meanwhile
  }
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return false;
  const int on = 1;
  if (peer.family() != AF_UNIX) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return true;
}

base::Result<std::unique_ptr<Inbox>> Inbox::open(Loop& loop, int fd, OnSocket on_socket,
                                                 OnEmpty on_empty, HasRoom has_room) {
  const auto invalid = [fd](const std::string& why) {
    return base::fail(base::Code::kInvalidArgument, "inbox_fd " + std::to_string(fd) +
                                                        ": expected a SOCK_SEQPACKET socket" + why);
  };
  if (socket_type(fd) != SOCK_SEQPACKET) return invalid("");
  base::UniqueFd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) return invalid(": " + std::generic_category().message(errno));
  return std::unique_ptr<Inbox>(new Inbox(loop, std::move(own), std::move(on_socket),
                                          std::move(on_empty), std::move(has_room)));
}

Inbox::Inbox(Loop& loop, base::UniqueFd socket, OnSocket on_socket, OnEmpty on_empty,
             HasRoom has_room)
    : loop_(loop),
      socket_(std::move(socket)),
      on_socket_(std::move(on_socket)),
      on_empty_(std::move(on_empty)),
      has_room_(std::move(has_room)),
      packet_(std::make_unique_for_overwrite<std::byte[]>(kMaxPacket)) {}

base::Status Inbox::start() {
  base::Status added = loop_.add(socket_.get(), EPOLLIN, this);
  watching_ = added.has_value();
  return added;
}

void Inbox::stop() {
  // Before the descriptor is closed: its other holders would keep it in the epoll set.
  if (std::exchange(watching_, false)) loop_.remove(socket_.get(), this);
}

void Inbox::on_io(std::uint32_t) {
  for (int i = 0; i < kMaxBurst && watching_; ++i) {
    if (!receive_one()) return;
  }
}

// False when nothing more can be had now.
bool Inbox::receive_one() {
  if (has_room_ && !has_room_()) return false;
  iovec bytes{.iov_base = packet_.get(), .iov_len = kMaxPacket};
  // Room for one descriptor: the kernel closes what a sender adds.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_LEN(sizeof(int));  // the padding would hold a second one
  const auto count = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0 && errno == EINTR) return true;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    if (on_empty_) on_empty_();
    return false;
  }
  if (count <= 0) {  // the last sender has gone
    stop();
    return false;
  }
  base::UniqueFd socket = descriptor_of(message);
  SocketAddress peer;
  // Of what came in part there is no rest to be had.
  const bool whole = (message.msg_flags & MSG_TRUNC) == 0;
  if (socket && whole && prepare_socket(socket.get(), peer)) {
    const auto unread = static_cast<std::size_t>(count) - 1;
    on_socket_(std::move(socket), peer,
               {.unread = {packet_.get() + 1, unread},
                .times = std::to_integer<std::uint8_t>(packet_[0])});
  }
  return true;
}

}  // namespace tfe::net
