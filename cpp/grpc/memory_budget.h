// One bound for the bytes of request messages that are held at once: of a connection, which takes
// from that of all, and of all. Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace tfe::grpc {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit, std::shared_ptr<MemoryBudget> of_all = nullptr)
      : limit_(limit), of_all_(std::move(of_all)) {}

  bool take(std::size_t bytes) {
    std::size_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    if (!of_all_ || of_all_->take(bytes)) return true;
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  void give_back(std::size_t bytes) {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    if (of_all_) of_all_->give_back(bytes);
  }

  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  std::size_t limit() const { return limit_; }

 private:
  const std::size_t limit_;
  const std::shared_ptr<MemoryBudget> of_all_;
  std::atomic<std::size_t> used_ = 0;
};

}  // namespace tfe::grpc
