// One call on its way over a PeerLink: HTTP/2 requests and gRPC messages out of it.
#pragma once

#include <atomic>
#include <memory>

#include "frontend/peer_link.h"
#include "grpc/forwarder.h"

namespace tfe::frontend {

// Shared by a forwarder and its routes.
struct ForwardCounters {
  std::atomic<std::uint64_t> sent = 0;
  std::atomic<std::uint64_t> received = 0;
  std::atomic<std::uint64_t> failed = 0;  // of those sent: lost with the other server
};

// A peer's part of what a forwarder has sent and not yet got back.
class PendingShare {
 public:
  explicit PendingShare(std::shared_ptr<std::atomic<std::uint64_t>> pending)
      : pending_(std::move(pending)) {
    pending_->fetch_add(1, std::memory_order_relaxed);
  }
  PendingShare(const PendingShare&) = delete;
  PendingShare& operator=(const PendingShare&) = delete;
  ~PendingShare() { pending_->fetch_sub(1, std::memory_order_relaxed); }

 private:
  const std::shared_ptr<std::atomic<std::uint64_t>> pending_;
};

// Destroyed without an answer, it cancels the call over there.
std::unique_ptr<grpc::Route> make_route(std::shared_ptr<PeerLink> link,
                                        std::unique_ptr<PendingShare> share,
                                        std::size_t max_message_size,
                                        std::shared_ptr<ForwardCounters> counters);

}  // namespace tfe::frontend
