// What a server has counted, and what it tells of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "server/connection.h"

namespace tfe::server {

struct ServerStatistics {
  std::size_t connections = 0;  // of clients, open now, with those being refused
  std::size_t in_flight = 0;    // requests now
  // Since the server object was made, over all starts.
  std::uint64_t accepted_total = 0;
  std::uint64_t refused_total = 0;           // above max_connections; not in accepted_total
  std::uint64_t refused_answered_total = 0;  // those of them that were told
  // To other servers: on arrival, then not in accepted_total, or with a request that they can
  // answer.
  std::uint64_t handed_over_total = 0;
  std::uint64_t received_total = 0;            // through the inbox; counted as accepted or refused
  std::uint64_t handshake_failures_total = 0;  // TLS, also too slow or in clear text
  std::uint64_t bytes_in = 0;                  // also those that another server has received before
  std::uint64_t bytes_out = 0;
};

// Over all starts of a server; the fields of ServerStatistics say what each is. Any thread.
struct ServerTotals {
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<std::uint64_t> refused_answered = 0;
  std::atomic<std::uint64_t> handed_over = 0;
  std::atomic<std::uint64_t> received = 0;
  Counters bytes;
};

}  // namespace tfe::server
