#include "kserve/replication.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace tfe::kserve {

base::Result<int> Replication::begin(std::size_t limit) {
  std::lock_guard lock(mutex_);
  if (wake_) return base::fail(base::Code::kAlreadyExists, "control calls are replicated already");
  wake_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) {
    return base::fail(base::Code::kInternal, "eventfd: " + std::generic_category().message(errno));
  }
  limit_ = limit;
  on_.store(true, std::memory_order_release);
  return wake_.get();
}

bool Replication::submit(ControlCall& call, ControlDone& done) {
  if (!on_.load(std::memory_order_acquire)) return false;
  {
    std::lock_guard lock(mutex_);
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
                  "too many changes of the server in work, limit " + std::to_string(limit_)));
  return true;
}

std::vector<Replication::Waiting> Replication::take() {
  std::lock_guard lock(mutex_);
  eventfd_t ignored = 0;
  if (wake_) (void)::eventfd_read(wake_.get(), &ignored);
  return std::exchange(waiting_, {});
}

void Replication::finish(std::uint64_t id, base::Status status) {
  ControlDone done;
  {
    std::lock_guard lock(mutex_);
    const auto found = unfinished_.find(id);
    if (found == unfinished_.end()) return;
    done = std::move(found->second);
    unfinished_.erase(found);
  }
  done(std::move(status));
}

void Replication::end() {
  std::lock_guard lock(mutex_);
  on_.store(false, std::memory_order_release);
}

}  // namespace tfe::kserve
