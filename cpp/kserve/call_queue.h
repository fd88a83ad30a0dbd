// Where calls wait that somebody else carries out: a supervisor that has every server of a group do
// the same, or asks all of them. Off unless begin() was called; then nothing is taken.
//
// Whoever began it polls fd(), takes what waits, and finishes each call once.
//
// Thread rule: any thread. No call waits for another; finish() runs the call's `done` on its
// thread.
#pragma once

#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"

namespace tfe::kserve {

template <typename Call, typename Outcome>
class CallQueue {
 public:
  using Done = std::move_only_function<void(Outcome)>;

  struct Waiting {
    std::uint64_t id = 0;
    Call call;
  };

  // `calls`: what messages call them.
  explicit CallQueue(std::string_view calls) : calls_(calls) {}

  // The descriptor that is readable while calls wait to be taken; it stays with this object. At
  // most `limit` calls are unfinished, the next ones are refused with kResourceExhausted. kInternal
  // if the system has no descriptor left, kAlreadyExists the second time.
  base::Result<int> begin(std::size_t limit) {
    const std::lock_guard lock(mutex_);
    if (wake_) return base::fail(base::Code::kAlreadyExists, calls_ + " are taken already");
    wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_) {
      return base::fail(base::Code::kInternal,
                        "eventfd: " + std::generic_category().message(errno));
    }
    limit_ = limit;
    on_.store(true, std::memory_order_release);
    return wake_.get();
  }

  // False if it is off: both are as they were. Else they are taken, also to be refused.
  bool submit(Call& call, Done& done) {
    if (!on_.load(std::memory_order_acquire)) return false;
    {
      const std::lock_guard lock(mutex_);
      // Looked at again: whoever ended it takes for the last time after that.
      if (!on_.load(std::memory_order_acquire)) return false;
      if (unfinished_.size() < limit_) {
        unfinished_.emplace(++last_, std::move(done));
        waiting_.push_back({last_, std::move(call)});
        (void)::eventfd_write(wake_.get(), 1);
        return true;
      }
    }
    done(base::fail(base::Code::kResourceExhausted,
                    "too many " + calls_ + " in work, limit " + std::to_string(limit_)));
    return true;
  }

  // What came since the last time, in order.
  std::vector<Waiting> take() {
    const std::lock_guard lock(mutex_);
    eventfd_t ignored = 0;
    if (wake_) (void)::eventfd_read(wake_.get(), &ignored);
    return std::exchange(waiting_, {});
  }

  // Answers a call. One that is not known, or answered, is passed over.
  void finish(std::uint64_t id, Outcome outcome) {
    Done done;
    {
      const std::lock_guard lock(mutex_);
      const auto found = unfinished_.find(id);
      if (found == unfinished_.end()) return;
      done = std::move(found->second);
      unfinished_.erase(found);
    }
    done(std::move(outcome));
  }

  // Off again. Calls that nobody has finished can still be taken and finished.
  void end() {
    const std::lock_guard lock(mutex_);
    on_.store(false, std::memory_order_release);
  }

 private:
  const std::string calls_;
  std::atomic<bool> on_ = false;
  std::mutex mutex_;
  base::UniqueFd wake_;
  std::size_t limit_ = 0;
  std::uint64_t last_ = 0;
  std::vector<Waiting> waiting_;
  std::map<std::uint64_t, Done> unfinished_;
};

}  // namespace tfe::kserve
