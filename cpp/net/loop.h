// An epoll event loop: descriptors, timers and posted tasks, all served by the one thread that
// calls run().
//
// Thread rule: post(), stop(), modify() and the in-flight count may be used from any thread; all
// else from the loop's thread, or while no thread is in run(). Lifetime rule: a handler must stay
// alive until remove(), after which it gets no more calls, not even for an event that was already
// fetched.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "net/timer_queue.h"

namespace tfe::net {

class IoHandler {
 public:
  virtual ~IoHandler() = default;
  virtual void on_io(std::uint32_t epoll_events) = 0;
};

struct LoopOptions {
  // How long to poll before going to sleep. A sleeping thread takes tens of microseconds to wake,
  // which is most of the latency of a small request; but polling takes a core from the model, so it
  // is done only while 1..spin_max_in_flight requests are in flight. Zero turns it off.
  std::chrono::microseconds spin{50};
  int spin_max_in_flight = 2;
};

// Longer polling than this buys nothing: the wake-up that it saves is shorter.
inline constexpr std::chrono::microseconds kMaxSpin{1000};

class Loop {
 public:
  using Task = std::move_only_function<void()>;
  using TimerId = TimerQueue::Id;

  static base::Result<std::shared_ptr<Loop>> create(LoopOptions options);

  // `epoll_events` as for epoll_ctl; edge-triggered handlers add EPOLLET themselves.
  base::Status add(int fd, std::uint32_t epoll_events, IoHandler* handler);
  base::Status modify(int fd, std::uint32_t epoll_events, IoHandler* handler);
  // Call before closing `fd`: others may hold duplicates, which would keep it in the epoll set.
  void remove(int fd, IoHandler* handler);

  // Runs the task on the loop's thread, in the order of posting. False once run() has ended: the
  // task was not taken.
  bool post(Task task);

  TimerId run_at(base::TimePoint when, Task task);
  void cancel_timer(TimerId id);

  // Time at which the present turn of the loop began.
  base::TimePoint now() const { return now_; }

  void add_in_flight(std::int64_t delta) { in_flight_.fetch_add(delta, std::memory_order_relaxed); }
  std::int64_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  // Until stop(). Tasks posted before the end are run. A loop runs once.
  void run();
  void stop();

  // Whether the calling thread is inside some loop's run().
  static bool on_any_loop_thread();

 private:
  Loop(LoopOptions options, base::UniqueFd epoll, base::UniqueFd wake);

  void wait();
  int spin(std::span<epoll_event> events);
  int sleep_timeout();
  void dispatch();
  void run_tasks();

  const LoopOptions options_;
  const base::UniqueFd epoll_;
  const base::UniqueFd wake_;
  base::TimePoint now_;
  TimerQueue timers_;
  // 256 events a turn: enough to batch, few enough that timers and tasks are not kept waiting.
  std::array<epoll_event, 256> events_{};
  std::span<epoll_event> fetched_;
  std::vector<Task> running_;

  std::mutex mutex_;
  std::vector<Task> tasks_;
  bool sleeping_ = false;  // a post must write to wake_
  bool stopping_ = false;
  bool finished_ = false;

  // Copy of "tasks_ is not empty or stopping_" that spinning reads without the mutex.
  std::atomic<bool> has_work_ = false;
  std::atomic<std::int64_t> in_flight_ = 0;
};

}  // namespace tfe::net
