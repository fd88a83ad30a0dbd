// How many inferences this process has in hand and how long they take of late, where other
// processes can read the number: whoever has more to do than they can pass requests on to them.
//
// One meter per process, since its models are what is busy, whichever frontend the requests came
// through. It measures nothing until publish_work(). Any thread, no lock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "base/shared_mapping.h"

namespace tfe::kserve {

// One inference, from its start to its last response.
class WorkShare {
 public:
  WorkShare() = default;
  explicit WorkShare(base::TimePoint start) : start_(start), counted_(true) {}
  WorkShare(WorkShare&& other) noexcept
      : start_(other.start_), counted_(std::exchange(other.counted_, false)) {}
  WorkShare& operator=(WorkShare&& other) noexcept;
  ~WorkShare() { end(); }

  void end();

 private:
  base::TimePoint start_;
  bool counted_ = false;
};

WorkShare begin_work();

// The number is the u64 at `at` of `page`, which stays mapped: a callback of the core may end an
// inference at any time. Of several pages the last counts.
void publish_work(base::SharedMapping page, std::size_t at);

std::uint64_t work_in_hand();
// A moving average over the last eight or so.
std::chrono::microseconds usual_latency();

}  // namespace tfe::kserve
