#include "kserve/executor.h"

#include <algorithm>

namespace tfe::kserve {

Executor::Executor(std::size_t threads, std::size_t queue_limit)
    : queues_(std::make_shared<Queues>(queue_limit)) {
  const std::size_t workers = std::max<std::size_t>(threads, 1);
  threads_.reserve(workers + 1);
  for (std::size_t i = 0; i <= workers; ++i) {
    const bool quick_only = i == workers;
    // Loads run here, and backends start programs for their models.
    auto thread = base::Thread::start(
        quick_only ? "tfe-quick" : "tfe-control", [this, quick_only] { queues_->run(quick_only); },
        base::Thread::Signals::kInherited);
    if (!thread) {
      started_ = std::unexpected(std::move(thread.error()));
      queues_->end();
      return;
    }
    threads_.push_back(*std::move(thread));
  }
}

Executor::~Executor() {
  queues_->end();
  for (base::Thread& thread : threads_) thread.join();
}

base::Status Executor::Queues::submit(Task task, Lane lane) {
  {
    std::lock_guard lock(mutex_);
    if (ended_) return base::fail(base::Code::kUnavailable, "the frontend is stopping");
    std::deque<Task>& tasks = lane == Lane::kQuick ? quick_ : slow_;
    if (tasks.size() >= limit_) {
      return base::fail(
          base::Code::kResourceExhausted,
          "too many requests are waiting for a thread (limit " + std::to_string(limit_) + ")");
    }
    tasks.push_back(std::move(task));
  }
  // One could be the thread that must not take a slow task.
  wake_.notify_all();
  return {};
}

void Executor::Queues::end() {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_all();
}

std::deque<Executor::Task>* Executor::Queues::next(bool quick_only) {
  // Slow ones first where both may run: the quick lane has a thread of its own.
  if (!quick_only && !slow_.empty()) return &slow_;
  return quick_.empty() ? nullptr : &quick_;
}

void Executor::Queues::run(bool quick_only) {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return ended_ || next(quick_only); });
      std::deque<Task>* tasks = next(quick_only);
      if (!tasks) return;
      task = std::move(tasks->front());
      tasks->pop_front();
    }
    task();
  }
}

}  // namespace tfe::kserve
