#include "server/handoff.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "server/beat_page.h"

namespace tfe::server {
namespace {

// Of an announcement, unless the receiver has forgotten it already.
void withdraw(std::uint64_t& announcements) {
  const std::atomic_ref announced(announcements);
  std::uint64_t seen = announced.load(std::memory_order_relaxed);
  while (seen > 0 && !announced.compare_exchange_weak(seen, seen - 1, std::memory_order_relaxed)) {
  }
}

}  // namespace

base::Result<std::unique_ptr<Handoff>> Handoff::open(const HandoffOptions& options, int table_fd) {
  auto peers = PeerTable::open(options.peers, table_fd);
  if (!peers) return std::unexpected(std::move(peers.error()));
  return std::unique_ptr<Handoff>(new Handoff(options.slack, *std::move(peers)));
}

std::vector<Handoff::Choice> Handoff::choices() const {
  std::vector<Choice> found;
  for (const PortPeer& peer : peers_.peers()) {
    std::uint64_t* const connections = peers_.cell(peer, BeatPage::kConnectionsAt);
    std::uint64_t* const announced = peers_.cell(peer, BeatPage::kAnnouncedAt);
    if (connections == nullptr || announced == nullptr) continue;
    const std::uint64_t load = std::atomic_ref(*connections).load(std::memory_order_relaxed) +
                               std::atomic_ref(*announced).load(std::memory_order_relaxed);
    found.push_back({&peer, load, announced});
  }
  return found;
}

bool Handoff::send(const Choice& to, int socket, const net::PassedOn& connection) {
  // Before it is sent: the receiver forgets announcements when its inbox is empty.
  std::atomic_ref(*to.announced).fetch_add(1, std::memory_order_relaxed);
  const bool sent = net::pass_descriptors(to.peer->inbox_fd, {&socket, 1}, connection);
  if (!sent) withdraw(*to.announced);
  return sent;
}

bool Handoff::pass(int socket, std::uint64_t own) const {
  if (slack_ == 0) return false;
  const std::vector<Choice> others = choices();
  const auto best = std::ranges::min_element(others, {}, &Choice::load);
  return best != others.end() && own >= best->load + slack_ && send(*best, socket, {});
}

http::HandedOver Handoff::divert(int socket, const net::PassedOn& connection,
                                 std::size_t most) const {
  std::vector<Choice> others = choices();
  std::erase_if(others,
                [&](const Choice& each) { return each.load >= most || !peers_.sound(*each.peer); });
  if (others.empty() || connection.unread.size() > net::kMaxUnread) {
    return http::HandedOver::kNobody;
  }
  std::ranges::stable_sort(others, {}, &Choice::load);
  const bool gone = std::ranges::any_of(
      others, [&](const Choice& each) { return send(each, socket, connection); });
  return gone ? http::HandedOver::kGone : http::HandedOver::kNoRoom;
}

}  // namespace tfe::server
