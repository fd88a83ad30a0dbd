// Gives a connection to a less busy server of the same port in another process: one that was just
// accepted, since a kernel that spreads connections at random leaves some of few long-lived ones
// together, or one whose request cannot be answered here.
//
// The other server's load is read from its BeatPage, and the connection goes into its inbox. Any
// failure leaves the connection here. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/status.h"
#include "http/protocol.h"
#include "net/pass_descriptors.h"
#include "server/peer_table.h"

namespace tfe::server {

struct HandoffOptions {
  // Give away if another has so many connections fewer. 0: never. 1 balances exactly; each step
  // more leaves more connections where they came, which saves 5 us each.
  std::size_t slack = 0;
  std::vector<PortPeer> peers;
};

class Handoff {
 public:
  // `table_fd`: the file of all BeatPages. kInvalidArgument "handoff_peers: ...".
  static base::Result<std::unique_ptr<Handoff>> open(const HandoffOptions& options, int table_fd);
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;

  // `own`: connections of this server without this one. True: it was given away, close it.
  bool pass(int socket, std::uint64_t own) const;
  // To the least busy that has room for it, of those that have all their models and fewer than
  // `most` connections; whatever the slack.
  http::HandedOver divert(int socket, const net::PassedOn& connection, std::size_t most) const;

 private:
  Handoff(std::size_t slack, PeerTable peers) : slack_(slack), peers_(std::move(peers)) {}
  struct Choice {
    const PortPeer* peer = nullptr;
    std::uint64_t load = 0;
    std::uint64_t* announced = nullptr;
  };
  // Those that take connections, in any order.
  std::vector<Choice> choices() const;
  static bool send(const Choice& to, int socket, const net::PassedOn& connection);

  const std::size_t slack_;
  const PeerTable peers_;
};

}  // namespace tfe::server
