// Decides which calls of a gRPC port go to another worker, and keeps the links to the workers.
//
// A call leaves if this process has at least `slack` more inferences in hand than a worker that
// takes connections and has all its models, and if inferences take long enough of late for the way
// to pay. What was sent to a worker counts as its work from that moment on, since its own count
// follows a little later. A call whose model has a fault here leaves whatever is in hand.
//
// choose() and divert() on strands of the attached server; the rest from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/status.h"
#include "frontend/options.h"
#include "frontend/peer_link.h"
#include "frontend/peer_route.h"
#include "grpc/forwarder.h"
#include "server/http_server.h"
#include "server/peer_table.h"

namespace tfe::frontend {

struct ForwardStatistics {
  std::uint64_t sent_total = 0;
  std::uint64_t received_total = 0;
  std::uint64_t failed_total = 0;  // of those sent: lost with the other worker
};

class PeerForwarder final : public grpc::Forwarder {
 public:
  // Publishes how busy this process is, on the page of `endpoint`, for those that would pass calls
  // on to it. Null if there are no others. kInvalidArgument "handoff_peers: ..." or
  // "heartbeat_fd ...".
  static base::Result<std::shared_ptr<PeerForwarder>> open(const Forwarding& options,
                                                           const Endpoint& endpoint);

  // The server on whose loops the links live; it outlives all calls.
  void attach(server::HttpServer& server) { server_ = &server; }

  std::unique_ptr<grpc::Route> choose() override;
  std::unique_ptr<grpc::Route> divert() override;
  void count_received() override;
  ForwardStatistics statistics() const;

 private:
  struct Target {
    std::mutex mutex;
    std::shared_ptr<PeerLink> link;
    std::shared_ptr<std::atomic<std::uint64_t>> pending =
        std::make_shared<std::atomic<std::uint64_t>>(0);
  };

  // The least busy of the others that could answer anything.
  struct Choice {
    std::size_t peer = 0;
    std::uint64_t load = 0;
  };

  PeerForwarder(const Forwarding& options, server::PeerTable peers);
  std::optional<Choice> least_busy() const;
  std::unique_ptr<grpc::Route> route_to(std::size_t peer);
  std::shared_ptr<PeerLink> link_to(std::size_t peer);

  const Forwarding options_;
  const server::PeerTable peers_;
  std::vector<Target> targets_;  // as peers_
  std::atomic<server::HttpServer*> server_ = nullptr;
  const std::shared_ptr<ForwardCounters> counters_ = std::make_shared<ForwardCounters>();
};

}  // namespace tfe::frontend
