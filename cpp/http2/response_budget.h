// Response bytes that wait for their peers on all connections of a frontend. Shared; any thread.
#pragma once

#include <atomic>
#include <cstddef>

namespace tfe::http2 {

class ResponseBudget {
 public:
  explicit ResponseBudget(std::size_t limit) : limit_(limit) {}

  void change(std::size_t less, std::size_t more) {
    held_.fetch_add(more - less, std::memory_order_relaxed);  // wraps, and back
  }
  std::size_t held() const { return held_.load(std::memory_order_relaxed); }
  bool exceeded() const { return held() > limit_; }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> held_ = 0;
};

}  // namespace tfe::http2
