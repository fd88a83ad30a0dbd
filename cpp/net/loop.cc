#include "net/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

namespace tfe::net {
namespace {

thread_local const Loop* running_loop = nullptr;

base::Status errno_status(const char* what) {
  return base::fail(base::Code::kInternal,
                    std::string(what) + ": " + std::generic_category().message(errno));
}

}  // namespace

base::Result<std::shared_ptr<Loop>> Loop::create(LoopOptions options) {
  if (options.spin.count() < 0 || options.spin > kMaxSpin) {
    return base::fail(base::Code::kInvalidArgument,
                      "spin_us: expected 0.." + std::to_string(kMaxSpin.count()) + ", got " +
                          std::to_string(options.spin.count()));
  }
  base::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return std::unexpected(errno_status("cannot create an epoll descriptor").error());
  base::UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return std::unexpected(errno_status("cannot create an eventfd").error());
  std::shared_ptr<Loop> loop(new Loop(options, std::move(epoll), std::move(wake)));
  // A null handler marks the wake descriptor. Edge-triggered: it needs no read to fall silent.
  if (auto added = loop->add(loop->wake_.get(), EPOLLIN | EPOLLET, nullptr); !added) {
    return std::unexpected(added.error());
  }
  return loop;
}

Loop::Loop(LoopOptions options, base::UniqueFd epoll, base::UniqueFd wake)
    : options_(options),
      epoll_(std::move(epoll)),
      wake_(std::move(wake)),
      now_(base::Clock::now()) {}

base::Status Loop::add(int fd, std::uint32_t epoll_events, IoHandler* handler) {
  epoll_event event{.events = epoll_events, .data = {.ptr = handler}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return errno_status("cannot watch a descriptor");
}

base::Status Loop::modify(int fd, std::uint32_t epoll_events, IoHandler* handler) {
  epoll_event event{.events = epoll_events, .data = {.ptr = handler}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return {};
  return errno_status("cannot watch a descriptor");
}

void Loop::remove(int fd, IoHandler* handler) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  for (epoll_event& event : fetched_) {
    if (event.data.ptr == handler) event.events = 0;
  }
}

bool Loop::post(Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return false;
    tasks_.push_back(std::move(task));
    has_work_.store(true, std::memory_order_relaxed);
    wake = std::exchange(sleeping_, false);
  }
  if (wake) ::eventfd_write(wake_.get(), 1);
  return true;
}

void Loop::stop() {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    has_work_.store(true, std::memory_order_relaxed);
    wake = std::exchange(sleeping_, false);
  }
  if (wake) ::eventfd_write(wake_.get(), 1);
}

Loop::TimerId Loop::run_at(base::TimePoint when, Task task) {
  return timers_.add(when, std::move(task));
}

void Loop::cancel_timer(TimerId id) { timers_.cancel(id); }

bool Loop::on_any_loop_thread() { return running_loop != nullptr; }

void Loop::run() {
  running_loop = this;
  bool stopping = false;
  while (!stopping) {
    wait();
    now_ = base::Clock::now();
    dispatch();
    timers_.run_due(now_);
    run_tasks();
    const std::lock_guard lock(mutex_);
    // Tasks that were posted by the last ones still run: their owners wait for it.
    stopping = stopping_ && tasks_.empty();
    finished_ = stopping;
  }
  timers_.clear();
  running_loop = nullptr;
}

void Loop::wait() {
  int count = spin(events_);
  if (count == 0) {
    const int timeout = sleep_timeout();
    count = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout);
    const std::lock_guard lock(mutex_);
    sleeping_ = false;
  }
  // An interrupted wait fetched nothing.
  fetched_ = std::span(events_).first(static_cast<std::size_t>(std::max(count, 0)));
}

// Polls for a while; 0 when nothing came.
int Loop::spin(std::span<epoll_event> events) {
  std::int64_t seen = in_flight();
  if (options_.spin.count() == 0 || seen < 1 || seen > options_.spin_max_in_flight) return 0;
  auto until = base::Clock::now() + options_.spin;
  while (!has_work_.load(std::memory_order_relaxed)) {
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    if (count != 0) return std::max(count, 0);
    const auto now = base::Clock::now();
    // A response has just been sent from another thread: the client's next request is what a spin
    // is for, so the time starts again. Only ever happens once per request in flight.
    if (const auto in_flight_now = in_flight(); in_flight_now != seen) {
      seen = in_flight_now;
      until = now + options_.spin;
    }
    if (now >= until || seen > options_.spin_max_in_flight) break;
    if (const auto timer = timers_.next(); timer && *timer <= now) break;
  }
  return 0;
}

// Milliseconds for epoll_wait, rounded up so that a timer is due when the wait ends.
int Loop::sleep_timeout() {
  {
    const std::lock_guard lock(mutex_);
    if (!tasks_.empty() || stopping_) return 0;
    sleeping_ = true;
  }
  const auto timer = timers_.next();
  if (!timer) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*timer - base::Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void Loop::dispatch() {
  for (std::size_t i = 0; i < fetched_.size(); ++i) {
    const epoll_event event = fetched_[i];
    auto* handler = static_cast<IoHandler*>(event.data.ptr);
    if (handler != nullptr && event.events != 0) handler->on_io(event.events);
  }
  fetched_ = {};
}

void Loop::run_tasks() {
  {
    const std::lock_guard lock(mutex_);
    running_.swap(tasks_);
    has_work_.store(stopping_, std::memory_order_relaxed);
  }
  for (Task& task : running_) {
    task();
    task = nullptr;  // what it owns goes at once, not at the end of the batch
  }
  running_.clear();
}

}  // namespace tfe::net
