// Everything of a server between one start() and its stop(): the shards, what brings connections to
// them, and how many there are.
//
// Thread rule: start() first, then every function from any thread, but wait_until_empty() and
// join() on none of the server's own. Lifetime rule: the destructor joins; begin_stop() comes
// before it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "server/beat_page.h"
#include "server/connection.h"
#include "server/handoff.h"
#include "server/intake.h"
#include "server/occupancy.h"
#include "server/server_options.h"
#include "server/server_statistics.h"
#include "server/shard.h"

namespace tfe::server {

class ServerRun {
 public:
  // All must outlive the run.
  ServerRun(const ServerOptions& options, const ProtocolFactory& factory, ServerTotals& totals)
      : options_(options), factory_(factory), totals_(totals), occupancy_(options, totals) {}
  ~ServerRun() { join(); }
  ServerRun(const ServerRun&) = delete;
  ServerRun& operator=(const ServerRun&) = delete;

  // Once. After a failure it is over, and no thread is left.
  base::Status start();
  void begin_drain();
  // Of a drain or a stop that has begun: whether the last connection is closed in time.
  bool wait_until_empty(base::TimePoint until) { return occupancy_.wait_until_empty(until); }
  void begin_stop();
  void join();
  void disperse();

  // As those of HttpServer.
  bool adopt(base::UniqueFd socket);
  bool link(base::UniqueFd socket, ProtocolFactory factory);

  std::uint16_t port() const { return port_; }
  bool stopping() const { return stopping_.load(); }
  std::size_t clients() const { return occupancy_.clients(); }
  std::size_t in_flight() const;

 private:
  base::Status open();
  base::Status map_beats();
  base::Status open_handoff();
  void make_intake(net::Listener listener);
  base::Status make_shards();
  void beat(std::size_t shard, base::TimePoint now);
  void add_client(base::UniqueFd socket, const net::SocketAddress& peer,
                  const net::PassedOn& connection);
  http::HandedOver hand_over(int socket, const net::PassedOn& connection);
  void add_link(Newcomer newcomer);
  void connection_gone(PeerKind kind);
  Shard& least_busy();
  void close_intake(bool take_waiting);

  const ServerOptions& options_;
  const ProtocolFactory& factory_;
  ServerTotals& totals_;
  Occupancy occupancy_;
  std::unique_ptr<BeatPage> beats_;         // outlives the shards; null: nobody wants to know
  std::unique_ptr<const Handoff> handoff_;  // outlives the shards; null: there are no other servers
  std::vector<std::unique_ptr<Shard>> shards_;
  // On the first shard's loop; null once no more connections are taken.
  std::unique_ptr<Intake> intake_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> draining_ = false;
};

}  // namespace tfe::server
