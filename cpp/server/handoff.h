// Gives a connection that was just accepted to a less busy server of the same port in another
// process: a kernel that spreads connections at random leaves some of few long-lived ones together.
//
// The other server's load is read from its BeatPage, and the connection goes into its inbox. Any
// failure leaves the connection here. Loop thread only, besides what the pages are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/shared_mapping.h"
#include "base/status.h"
#include "base/unique_fd.h"

namespace tfe::server {

// Another server of the port. Offsets are in the file of the BeatPages.
struct HandoffPeer {
  // Two, since a process may be replaced by one that starts beside it.
  std::array<std::size_t, 2> page_offsets{};
  // A byte of the supervisor's: 1 or 2 while it takes connections, and which page is its.
  std::size_t accepting_offset = 0;
  int inbox_fd = -1;  // the sending end; it stays its owner's
};

struct HandoffOptions {
  // Give away if another has so many connections fewer. 0: never. 1 balances exactly; each step
  // more leaves more connections where they came, which saves 5 us each.
  std::size_t slack = 0;
  std::vector<HandoffPeer> peers;
};

class Handoff {
 public:
  // `table_fd`: the file of all BeatPages. kInvalidArgument "handoff_peers: ...".
  static base::Result<std::unique_ptr<Handoff>> open(const HandoffOptions& options, int table_fd);
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;

  // `own`: connections of this server without this one. True: it was given away, close it.
  bool pass(int socket, std::uint64_t own);

 private:
  Handoff(const HandoffOptions& options, base::SharedMapping table)
      : options_(options), table_(std::move(table)) {}
  struct Choice {
    int inbox_fd = -1;  // -1: nobody
    std::uint64_t load = 0;
    std::uint64_t* announced = nullptr;
  };
  Choice least_busy() const;
  std::byte* page_of(const HandoffPeer& peer) const;

  const HandoffOptions options_;
  const base::SharedMapping table_;
};

}  // namespace tfe::server
