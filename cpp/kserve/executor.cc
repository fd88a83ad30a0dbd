#include "kserve/executor.h"

#include <algorithm>

namespace tfe::kserve {

Executor::Executor(std::size_t threads, std::size_t queue_limit) : queue_limit_(queue_limit) {
  threads_.reserve(std::max<std::size_t>(threads, 1));
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    threads_.emplace_back([this] { run(); });
  }
}

Executor::~Executor() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

base::Status Executor::submit(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return base::fail(base::Code::kUnavailable, "the frontend is stopping");
    if (tasks_.size() >= queue_limit_) {
      return base::fail(base::Code::kResourceExhausted,
                        "too many model control requests are waiting (limit " +
                            std::to_string(queue_limit_) + ")");
    }
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
  return {};
}

void Executor::run() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace tfe::kserve
