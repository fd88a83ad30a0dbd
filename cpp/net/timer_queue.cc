#include "net/timer_queue.h"

namespace tfe::net {

TimerQueue::Id TimerQueue::add(base::TimePoint when, Task task) {
  const Id id = ++last_id_;
  tasks_.emplace(Key{when, id}, std::move(task));
  times_.emplace(id, when);
  return id;
}

bool TimerQueue::cancel(Id id) {
  const auto found = times_.find(id);
  if (found == times_.end()) return false;
  // The task is destroyed last: what it owns may come back here.
  const auto node = tasks_.extract(Key{found->second, id});
  times_.erase(found);
  return true;
}

void TimerQueue::run_due(base::TimePoint now) {
  const Id newest = last_id_;
  auto next = tasks_.begin();
  while (next != tasks_.end() && next->first.first <= now) {
    if (next->first.second > newest) {
      ++next;
      continue;
    }
    auto node = tasks_.extract(next);
    times_.erase(node.key().second);
    node.mapped()();
    next = tasks_.begin();
  }
}

std::optional<base::TimePoint> TimerQueue::next() const {
  if (tasks_.empty()) return std::nullopt;
  return tasks_.begin()->first.first;
}

void TimerQueue::clear() {
  times_.clear();
  const auto dropped = std::exchange(tasks_, {});
}

}  // namespace tfe::net
