#include "cloud/poller.h"

#include <algorithm>
#include <utility>

namespace tfe::cloud {

Poller::Poller(Pause first, Pause longest, std::function<bool()> step)
    : first_(first), longest_(longest), step_(std::move(step)) {
  const std::lock_guard lock(mutex_);
  start();
}

Poller::~Poller() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Poller::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    if (!running_) start();
  }
  changed_.notify_all();
}

// With the lock.
void Poller::start() {
  auto thread = base::Thread::start("tfe-poller", [this] { run(); });
  running_ = thread.has_value();
  if (thread) thread_ = *std::move(thread);
}

void Poller::run() {
  const auto due = [this] { return woken_ || stopping_; };
  Pause pause = first_;
  bool again = false;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (again) {
        changed_.wait_for(lock, pause, due);
      } else {
        changed_.wait(lock, due);
      }
      if (stopping_) return;
      pause = std::exchange(woken_, false) ? first_ : std::min(pause * 2, longest_);
    }
    again = step_();
  }
}

}  // namespace tfe::cloud
