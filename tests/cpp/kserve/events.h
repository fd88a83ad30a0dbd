// A receiver that remembers what it was told.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "kserve/inference.h"
#include "triton/core_fixture.h"

namespace tfe::kserve {

using tfe::testing::kPatience;

class Events : public InferReceiver {
 public:
  void on_event(InferEvent event) override {
    std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  std::vector<InferEvent> wait_final() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience,
                           [this] { return !events_.empty() && events_.back().final; })) {
      throw std::runtime_error("no final event");
    }
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<InferEvent> events_;
};

}  // namespace tfe::kserve
