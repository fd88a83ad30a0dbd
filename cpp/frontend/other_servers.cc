#include "frontend/other_servers.h"

#include <memory>
#include <utility>

#include "server/peer_table.h"

namespace tfe::frontend {

base::Result<kserve::OtherServers> other_servers(const Endpoint& endpoint) {
  if (endpoint.handoff.peers.empty()) return {};
  auto peers = server::PeerTable::open(endpoint.handoff.peers, endpoint.heartbeat_fd);
  if (!peers) return std::unexpected(std::move(peers.error()));
  // Shared, since functions are copied and mappings are not.
  return [table = std::make_shared<server::PeerTable>(*std::move(peers))] {
    return table->any_whole();
  };
}

}  // namespace tfe::frontend
