// A thread that asks again and again while there is something to ask about, at growing intervals:
// for states of the core that it does not announce.
//
// Thread rule: wake() on any thread; `step` on the poller's only. The destructor waits for a step
// that runs and must not run on the poller's thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/thread.h"

namespace tfe::cloud {

class Poller {
 public:
  using Pause = std::chrono::milliseconds;

  // `step`: one question; true if it should be asked again. The pause doubles from `first` to
  // `longest`.
  Poller(Pause first, Pause longest, std::function<bool()> step);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Asks at once, and begins with the shortest pause again. If the system refused the thread so
  // far, this tries again to get one.
  void wake();

 private:
  void start();
  void run();

  const Pause first_;
  const Pause longest_;
  const std::function<bool()> step_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  bool running_ = false;
  base::Thread thread_;
};

}  // namespace tfe::cloud
