// How many connections a server has and of which kind, and so whether one more client is let in.
//
// Thread rule: admit() and add_link() on one thread, the rest from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "server/connection.h"
#include "server/server_options.h"
#include "server/server_statistics.h"

namespace tfe::server {

class Occupancy {
 public:
  // Both must outlive this.
  Occupancy(const ServerOptions& options, ServerTotals& totals)
      : options_(options), totals_(totals) {}
  Occupancy(const Occupancy&) = delete;
  Occupancy& operator=(const Occupancy&) = delete;

  // A client has come, and is counted as what it is to be served as: kClient, or kOverCap above
  // max_connections. Nothing: refusal_allowance is used up as well, close it at once.
  std::optional<PeerKind> admit();
  void add_link();
  // One that the above counted has gone.
  void leave(PeerKind kind);

  // Open now: all but links.
  std::size_t clients() const;

  // After the last admit() and add_link(): from here on, empty is empty for good.
  void close();
  // True when it is closed and the last connection has gone, false if `until` comes before.
  bool wait_until_empty(base::TimePoint until);

 private:
  const ServerOptions& options_;
  ServerTotals& totals_;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<std::size_t> links_ = 0;          // of them
  std::atomic<std::size_t> being_refused_ = 0;  // of them
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace tfe::server
