// A few threads for calls that block (loading and unloading models, statistics of many models), so
// that no event loop waits for them. Bounded: beyond `queue_limit` waiting tasks of a lane submit()
// refuses with kResourceExhausted.
//
// Two lanes: a load may take minutes, and whoever asks for metadata must not wait for as many loads
// as there are threads. One thread more than `threads` therefore works on the quick lane only.
//
// Thread rule: any thread. Lifetime rule: who may outlive the executor, as the receiver of an
// inference outlives its frontend, holds an ExecutorRef; an ended executor refuses.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/thread.h"

namespace tfe::kserve {

class Executor {
 public:
  using Task = std::move_only_function<void()>;
  // kQuick: over in milliseconds, unless the machine is overloaded.
  enum class Lane : std::uint8_t { kQuick, kSlow };

  Executor(std::size_t threads, std::size_t queue_limit);
  // Runs what is queued, then joins.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  // kUnavailable if the system refused a thread. Such an executor refuses everything.
  const base::Status& started() const { return started_; }
  base::Status submit(Task task, Lane lane = Lane::kSlow) {
    return queues_->submit(std::move(task), lane);
  }

 private:
  friend class ExecutorRef;

  class Queues {
   public:
    explicit Queues(std::size_t limit) : limit_(limit) {}
    // kUnavailable after end().
    base::Status submit(Task task, Lane lane);
    void run(bool quick_only);
    void end();

   private:
    // Null if there is nothing to do for the thread. Under the lock.
    std::deque<Task>* next(bool quick_only);

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Task> quick_;
    std::deque<Task> slow_;
    const std::size_t limit_;
    bool ended_ = false;
  };

  const std::shared_ptr<Queues> queues_;
  base::Status started_;
  std::vector<base::Thread> threads_;
};

// Submits to an executor for as long as that is there.
class ExecutorRef {
 public:
  // Implicit: stands for a reference.
  ExecutorRef(const Executor& executor) : queues_(executor.queues_) {}
  // As Executor::submit; kUnavailable from an executor that has ended.
  base::Status submit(Executor::Task task, Executor::Lane lane = Executor::Lane::kSlow) const {
    return queues_->submit(std::move(task), lane);
  }

 private:
  std::shared_ptr<Executor::Queues> queues_;
};

}  // namespace tfe::kserve
