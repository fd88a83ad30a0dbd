#include "net/pass_descriptors.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

namespace tfe::net {

bool pass_descriptors(int socket, std::span<const int> fds, const PassedOn& connection) {
  constexpr std::size_t kMost = 16;
  const auto [unread, times] = connection;
  if (fds.size() > kMost || unread.size() > kMaxUnread) return false;
  std::uint8_t first = times;
  // iovec is shared with readv and therefore not const.
  std::array<iovec, 2> bytes{
      {{.iov_base = &first, .iov_len = 1}, {const_cast<std::byte*>(unread.data()), unread.size()}}};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMost * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = bytes.data();
  message.msg_iovlen = bytes.size();
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size_bytes());
  }
  return ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

}  // namespace tfe::net
