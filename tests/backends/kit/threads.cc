// Threads by instance. Threads that have finished are joined when the next task starts.
#include "kit/threads.h"

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "kit/backend.h"

namespace tfe::backend {
namespace {

struct Task {
  std::shared_ptr<std::atomic<bool>> finished;
  std::jthread thread;
};

std::mutex mutex;

// Never destroyed: a process may end while its server still runs.
std::map<TRITONBACKEND_ModelInstance*, std::list<Task>>& all_tasks() {
  static auto* const tasks = new std::map<TRITONBACKEND_ModelInstance*, std::list<Task>>;
  return *tasks;
}

}  // namespace

void run_in_background(TRITONBACKEND_ModelInstance* instance, std::function<void()> task) {
  auto finished = std::make_shared<std::atomic<bool>>(false);
  const std::lock_guard lock(mutex);
  std::list<Task>& own = all_tasks()[instance];
  own.remove_if([](const Task& old) { return old.finished->load(); });
  own.push_back({finished, std::jthread([finished, task = std::move(task)] {
                   task();
                   finished->store(true);
                 })});
}

void join_threads(TRITONBACKEND_ModelInstance* instance) {
  std::list<Task> own;
  const std::lock_guard lock(mutex);
  auto& tasks = all_tasks();
  if (auto found = tasks.find(instance); found != tasks.end()) {
    own = std::move(found->second);
    tasks.erase(found);
  }
  own.clear();
}

}  // namespace tfe::backend
