// The other servers of a port, each in a process of its own, and what their BeatPages say of them.
//
// Any thread; what is read may be a moment old.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/shared_mapping.h"
#include "base/status.h"

namespace tfe::server {

// Another server of the port. Offsets are in the file of the BeatPages.
struct PortPeer {
  // Two, since a process may be replaced by one that starts beside it.
  std::array<std::size_t, 2> page_offsets{};
  // A byte of the supervisor's: 1 or 2 while it takes connections, and which page is its; kUnsound
  // is added while some of its models are not available.
  std::size_t accepting_offset = 0;
  int inbox_fd = -1;  // the sending end; it stays its owner's
};

class PeerTable {
 public:
  static constexpr std::uint8_t kUnsound = 0x80;

  // `table_fd`: the file of all BeatPages. kInvalidArgument "handoff_peers: ...".
  static base::Result<PeerTable> open(std::vector<PortPeer> peers, int table_fd);

  std::span<const PortPeer> peers() const { return peers_; }
  // The number at `at` of the page of a peer that takes connections; null if it takes none.
  std::uint64_t* cell(const PortPeer& peer, std::size_t at) const;
  // Whether all its models are available. One that fails fast would seem to have little to do.
  bool sound(const PortPeer& peer) const { return (state(peer) & kUnsound) == 0; }
  // Whether some peer takes connections and has all its models.
  bool any_whole() const;

 private:
  PeerTable(std::vector<PortPeer> peers, base::SharedMapping table)
      : peers_(std::move(peers)), table_(std::move(table)) {}

  std::uint8_t state(const PortPeer& peer) const;

  std::vector<PortPeer> peers_;
  base::SharedMapping table_;
};

}  // namespace tfe::server
