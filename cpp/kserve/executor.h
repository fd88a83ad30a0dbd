// A few threads for calls that block (loading and unloading models, statistics of many models), so
// that no event loop waits for them. Bounded: beyond `queue_limit` waiting tasks of a lane submit()
// refuses with kResourceExhausted.
//
// Two lanes: a load may take minutes, and whoever asks for metadata must not wait for as many loads
// as there are threads. One thread more than `threads` therefore works on the quick lane only.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/status.h"

namespace tfe::kserve {

class Executor {
 public:
  using Task = std::move_only_function<void()>;
  // kQuick: over in milliseconds, unless the machine is overloaded.
  enum class Lane : std::uint8_t { kQuick, kSlow };

  Executor(std::size_t threads, std::size_t queue_limit);
  // Runs what is queued, then joins.
  ~Executor();
  base::Status submit(Task task, Lane lane = Lane::kSlow);

 private:
  void run(bool quick_only);
  // Null if there is nothing to do for the thread. Under the lock.
  std::deque<Task>* next(bool quick_only);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> quick_;
  std::deque<Task> slow_;
  std::size_t queue_limit_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tfe::kserve
