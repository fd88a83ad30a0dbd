#include "server/handoff.h"

#include <atomic>
#include <utility>

#include "net/pass_descriptors.h"
#include "server/beat_page.h"

namespace tfe::server {

base::Result<std::unique_ptr<Handoff>> Handoff::open(const HandoffOptions& options, int table_fd) {
  auto peers = PeerTable::open(options.peers, table_fd);
  if (!peers) return std::unexpected(std::move(peers.error()));
  return std::unique_ptr<Handoff>(new Handoff(options.slack, *std::move(peers)));
}

Handoff::Choice Handoff::least_busy(Among among) const {
  Choice best;
  for (const PortPeer& peer : peers_.peers()) {
    if (among == Among::kSound && !peers_.sound(peer)) continue;
    std::uint64_t* const connections = peers_.cell(peer, BeatPage::kConnectionsAt);
    std::uint64_t* const announced = peers_.cell(peer, BeatPage::kAnnouncedAt);
    if (connections == nullptr || announced == nullptr) continue;
    const std::uint64_t load = std::atomic_ref(*connections).load(std::memory_order_relaxed) +
                               std::atomic_ref(*announced).load(std::memory_order_relaxed);
    if (best.inbox_fd < 0 || load < best.load) best = {peer.inbox_fd, load, announced};
  }
  return best;
}

bool Handoff::send(const Choice& to, int socket, base::Bytes unread) {
  // Before it is sent: the receiver forgets announcements when its inbox is empty.
  std::atomic_ref(*to.announced).fetch_add(1, std::memory_order_relaxed);
  return net::pass_descriptors(to.inbox_fd, {&socket, 1}, unread);
}

bool Handoff::pass(int socket, std::uint64_t own) const {
  if (slack_ == 0) return false;
  const Choice peer = least_busy(Among::kAll);
  return peer.inbox_fd >= 0 && own >= peer.load + slack_ && send(peer, socket, {});
}

bool Handoff::divert(int socket, base::Bytes unread) const {
  const Choice peer = least_busy(Among::kSound);
  return peer.inbox_fd >= 0 && send(peer, socket, unread);
}

}  // namespace tfe::server
