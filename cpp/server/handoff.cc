#include "server/handoff.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "net/pass_descriptors.h"
#include "server/beat_page.h"

namespace tfe::server {

base::Result<std::unique_ptr<Handoff>> Handoff::open(const HandoffOptions& options, int table_fd) {
  const auto invalid = [](const std::string& why) {
    return base::fail(base::Code::kInvalidArgument, "handoff_peers: " + why);
  };
  auto table = base::SharedMapping::map_all("heartbeat_fd", table_fd);
  if (!table) return invalid(table.error().message);
  const std::size_t size = table->size();
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
  return std::unique_ptr<Handoff>(new Handoff(options, std::move(*table)));
}

// Null while it takes no connections.
std::byte* Handoff::page_of(const HandoffPeer& peer) const {
  auto& byte = *reinterpret_cast<std::uint8_t*>(table_.data() + peer.accepting_offset);
  const std::uint8_t accepting = std::atomic_ref(byte).load(std::memory_order_relaxed);
  if (accepting < 1 || accepting > peer.page_offsets.size()) return nullptr;
  return table_.data() + peer.page_offsets[accepting - 1U];
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
  return net::pass_descriptors(peer.inbox_fd, {&socket, 1});
}

}  // namespace tfe::server
