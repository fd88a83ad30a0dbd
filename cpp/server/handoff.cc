#include "server/handoff.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include "server/beat_page.h"

namespace tfe::server {
namespace {

bool send_descriptor(int inbox, int fd) {
  char byte = 'h';
  iovec bytes{.iov_base = &byte, .iov_len = 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fd)> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  return ::sendmsg(inbox, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

}  // namespace

base::Result<std::unique_ptr<Handoff>> Handoff::open(const HandoffOptions& options, int table_fd) {
  const auto invalid = [](const char* why) {
    return base::fail(base::Code::kInvalidArgument, std::string("handoff_peers: ") + why);
  };
  struct stat info{};
  if (::fstat(table_fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size == 0) {
    return invalid("heartbeat_fd is no file");
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  const bool inside = std::ranges::all_of(options.peers, [size](const HandoffPeer& peer) {
    return peer.accepting_offset < size && std::ranges::all_of(
                                               peer.page_offsets,
                                               [size](std::size_t offset) {
                                                 return size >= BeatPage::kSize &&
                                                        offset <= size - BeatPage::kSize &&
                                                        offset % BeatPage::kSize == 0;
                                               });
  });
  if (!inside) return invalid("an offset is not in the file");
  void* table = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, table_fd, 0);
  if (table == MAP_FAILED) return invalid("heartbeat_fd cannot be mapped");
  return std::unique_ptr<Handoff>(new Handoff(options, table, size));
}

Handoff::~Handoff() { ::munmap(table_, size_); }

// Null while it takes no connections.
std::byte* Handoff::page_of(const HandoffPeer& peer) const {
  auto& byte = *reinterpret_cast<std::uint8_t*>(table_ + peer.accepting_offset);
  const std::uint8_t accepting = std::atomic_ref(byte).load(std::memory_order_relaxed);
  if (accepting < 1 || accepting > peer.page_offsets.size()) return nullptr;
  return table_ + peer.page_offsets[accepting - 1U];
}

Handoff::Choice Handoff::least_busy() const {
  Choice best;
  for (const HandoffPeer& peer : options_.peers) {
    std::byte* const page = page_of(peer);
    if (page == nullptr) continue;
    auto* connections = reinterpret_cast<std::uint64_t*>(page + BeatPage::kConnectionsAt);
    auto* announced = reinterpret_cast<std::uint64_t*>(page + BeatPage::kAnnouncedAt);
    const std::uint64_t load = std::atomic_ref(*connections).load(std::memory_order_relaxed) +
                               std::atomic_ref(*announced).load(std::memory_order_relaxed);
    if (best.inbox_fd < 0 || load < best.load) best = {peer.inbox_fd, load, announced};
  }
  return best;
}

bool Handoff::pass(int socket, std::uint64_t own) {
  const Choice peer = least_busy();
  if (peer.inbox_fd < 0 || options_.slack == 0 || own < peer.load + options_.slack) return false;
  // Before it is sent: the receiver forgets announcements when its inbox is empty.
  std::atomic_ref(*peer.announced).fetch_add(1, std::memory_order_relaxed);
  return send_descriptor(peer.inbox_fd, socket);
}

}  // namespace tfe::server
