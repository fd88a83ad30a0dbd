#include "server/peer_table.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "server/beat_page.h"

namespace tfe::server {

base::Result<PeerTable> PeerTable::open(std::vector<PortPeer> peers, int table_fd) {
  const auto invalid = [](const std::string& why) {
    return base::fail(base::Code::kInvalidArgument, "handoff_peers: " + why);
  };
  auto table = base::SharedMapping::map_all("heartbeat_fd", table_fd);
  if (!table) return invalid(table.error().message);
  const std::size_t size = table->size();
  const auto holds_page = [size](std::size_t offset) {
    return size >= BeatPage::kSize && offset <= size - BeatPage::kSize &&
           offset % BeatPage::kSize == 0;
  };
  const bool inside = std::ranges::all_of(peers, [&](const PortPeer& peer) {
    return peer.accepting_offset < size && std::ranges::all_of(peer.page_offsets, holds_page);
  });
  if (!inside) return invalid("an offset is not in the file");
  return PeerTable(std::move(peers), *std::move(table));
}

std::uint8_t PeerTable::state(const PortPeer& peer) const {
  auto& byte = *reinterpret_cast<std::uint8_t*>(table_.data() + peer.accepting_offset);
  return std::atomic_ref(byte).load(std::memory_order_relaxed);
}

std::uint64_t* PeerTable::cell(const PortPeer& peer, std::size_t at) const {
  const int accepting = state(peer) & ~kUnsound;
  if (accepting < 1 || accepting > static_cast<int>(peer.page_offsets.size())) return nullptr;
  return reinterpret_cast<std::uint64_t*>(
      table_.data() + peer.page_offsets[static_cast<std::size_t>(accepting) - 1U] + at);
}

bool PeerTable::any_whole() const {
  return std::ranges::any_of(
      peers_, [this](const PortPeer& peer) { return cell(peer, 0) != nullptr && sound(peer); });
}

}  // namespace tfe::server
