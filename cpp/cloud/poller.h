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
#include <thread>

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

  // Asks at once, and begins with the shortest pause again.
  void wake();

 private:
  void run();

  const Pause first_;
  const Pause longest_;
  const std::function<bool()> step_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tfe::cloud
