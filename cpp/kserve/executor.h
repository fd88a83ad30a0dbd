// A few threads for calls of the core that block (loading and unloading models, statistics of many
// models), so that no event loop waits for them. Bounded: beyond `queue_limit` waiting tasks
// submit() refuses with kResourceExhausted.
#pragma once

#include <condition_variable>
#include <cstddef>
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

  Executor(std::size_t threads, std::size_t queue_limit);
  // Runs what is queued, then joins.
  ~Executor();
  base::Status submit(Task task);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  std::size_t queue_limit_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tfe::kserve
