// An ordered set of timers. No clock and no thread of its own: the owner asks when the next one is
// due and runs what is due. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/clock.h"

namespace tfe::net {

class TimerQueue {
 public:
  using Task = std::move_only_function<void()>;
  using Id = std::uint64_t;  // starts at 1; never used twice

  Id add(base::TimePoint when, Task task);
  // False if the timer has run or was cancelled before.
  bool cancel(Id id);
  // Runs what is due at `now`, earliest first, ties in the order of add(). Tasks may add and cancel
  // timers; one added for a time that has passed runs in the next call, so a task that re-arms
  // itself cannot hold the caller for ever.
  void run_due(base::TimePoint now);
  std::optional<base::TimePoint> next() const;
  std::size_t size() const { return tasks_.size(); }
  void clear();

 private:
  using Key = std::pair<base::TimePoint, Id>;
  std::map<Key, Task> tasks_;
  std::unordered_map<Id, base::TimePoint> times_;
  Id last_id_ = 0;
};

}  // namespace tfe::net
