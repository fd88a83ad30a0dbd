// A strand on the test's own thread: tasks and timers run when the test says so.
#pragma once

#include <deque>
#include <map>
#include <utility>

#include "http/exchange.h"

namespace tfe::testing {

class FakeStrand final : public http::Strand {
 public:
  void post(Task task, Where where) override {
    last_where = where;
    tasks_.push_back(std::move(task));
  }
  TimerId run_at(base::TimePoint when, Task task) override {
    timers_.emplace(++last_timer_, std::pair(when, std::move(task)));
    return last_timer_;
  }
  void cancel_timer(TimerId id) override { timers_.erase(id); }

  // Runs what is queued, also what that queues.
  void run() {
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
  }
  void run_timers(base::TimePoint now) {
    for (auto timer = timers_.begin(); timer != timers_.end();) {
      if (timer->second.first > now) {
        ++timer;
        continue;
      }
      Task task = std::move(timer->second.second);
      timers_.erase(timer);
      task();
      timer = timers_.begin();
    }
  }
  std::size_t timer_count() const { return timers_.size(); }
  std::size_t task_count() const { return tasks_.size(); }

  Where last_where = Where::kLoop;

 private:
  std::deque<Task> tasks_;
  std::map<TimerId, std::pair<base::TimePoint, Task>> timers_;
  TimerId last_timer_ = 0;
};

}  // namespace tfe::testing
