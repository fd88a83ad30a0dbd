#include "frontend/peer_forwarder.h"

#include <algorithm>
#include <utility>

#include "kserve/work_meter.h"
#include "server/beat_page.h"

namespace tfe::frontend {

using server::BeatPage;

base::Result<std::shared_ptr<PeerForwarder>> PeerForwarder::open(const Forwarding& options,
                                                                 const Endpoint& endpoint) {
  if (endpoint.handoff.peers.empty()) return nullptr;
  auto peers = server::PeerTable::open(endpoint.handoff.peers, endpoint.heartbeat_fd);
  if (!peers) return std::unexpected(std::move(peers.error()));
  auto page = base::SharedMapping::map("heartbeat_fd", endpoint.heartbeat_fd,
                                       endpoint.heartbeat_offset, BeatPage::kSize);
  if (!page) return std::unexpected(std::move(page.error()));
  kserve::publish_work(*std::move(page), BeatPage::kWorkAt);
  return std::shared_ptr<PeerForwarder>(new PeerForwarder(options, *std::move(peers)));
}

PeerForwarder::PeerForwarder(const Forwarding& options, server::PeerTable peers)
    : options_(options), peers_(std::move(peers)), targets_(peers_.peers().size()) {}

std::unique_ptr<grpc::Route> PeerForwarder::choose() {
  if (options_.slack == 0) return nullptr;
  const std::uint64_t own = kserve::work_in_hand();
  if (own < options_.slack || kserve::usual_latency() < options_.min_latency) return nullptr;
  const auto best = least_busy();
  return best && own >= best->load + options_.slack ? route_to(best->peer) : nullptr;
}

std::unique_ptr<grpc::Route> PeerForwarder::divert() {
  const auto best = least_busy();
  return best ? route_to(best->peer) : nullptr;
}

std::optional<PeerForwarder::Choice> PeerForwarder::least_busy() const {
  std::optional<Choice> best;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const server::PortPeer& peer = peers_.peers()[i];
    std::uint64_t* const work = peers_.cell(peer, BeatPage::kWorkAt);
    if (work == nullptr || !peers_.sound(peer)) continue;
    const std::uint64_t load = std::max(std::atomic_ref(*work).load(std::memory_order_relaxed),
                                        targets_[i].pending->load(std::memory_order_relaxed));
    if (!best || load < best->load) best = {i, load};
  }
  return best;
}

std::unique_ptr<grpc::Route> PeerForwarder::route_to(std::size_t peer) {
  auto link = link_to(peer);
  if (!link) return nullptr;
  return make_route(std::move(link), std::make_unique<PendingShare>(targets_[peer].pending),
                    options_.max_message_size, counters_);
}

std::shared_ptr<PeerLink> PeerForwarder::link_to(std::size_t peer) {
  server::HttpServer* const server = server_;
  if (server == nullptr) return nullptr;
  Target& target = targets_[peer];
  const std::lock_guard lock(target.mutex);
  if (!target.link || !target.link->usable()) {
    target.link = PeerLink::open(*server, peers_.peers()[peer].inbox_fd);
  }
  return target.link;
}

void PeerForwarder::count_received() {
  counters_->received.fetch_add(1, std::memory_order_relaxed);
}

ForwardStatistics PeerForwarder::statistics() const {
  return {counters_->sent.load(), counters_->received.load(), counters_->failed.load()};
}

}  // namespace tfe::frontend
