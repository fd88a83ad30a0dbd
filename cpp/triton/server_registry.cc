#include "triton/server_registry.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <thread>
#include <utility>

#include "triton/library.h"

namespace tfe::triton {
namespace {

// The core (2.51) counts a model as gone before the thread that destroyed it has let go of the
// server: on a busy machine some wait for a lock of the server when the stop is over already.
constexpr std::chrono::milliseconds kRestBeforeDelete{500};
// Where nobody waits for it there is no reason to be that quick.
constexpr std::chrono::milliseconds kRestBeforeJanitor{2'000};

}  // namespace

ServerRegistry& ServerRegistry::global() {
  static auto* const registry = new ServerRegistry;
  return *registry;
}

void ServerRegistry::began() {
  std::lock_guard lock(mutex_);
  forget_parent();
  delete_retired(kRestBeforeDelete);
  ++running_;
}

// Handlers run in the reverse order of their installation, among the destructors of static objects.
// One more each time, because a server that is made loads libraries which have some. A forked child
// inherits the handlers, but not the threads.
void ServerRegistry::watch_exit() {
  process_ = ::getpid();
  std::atexit([] {
    if (global().process_ == ::getpid()) global().leave();
  });
}

// A forked child has none of the threads that its parent had, neither to join nor to delete what
// they used.
void ServerRegistry::forget_parent() {
  if (process_ == 0 || process_ == ::getpid()) return;
  static auto* const threads = new std::vector<base::Thread>;
  std::lock_guard lock(workers_mutex_);
  std::ranges::move(workers_, std::back_inserter(*threads));
  workers_.clear();
  threads->push_back(std::move(janitor_));
  janitor_runs_ = false;
  retired_.clear();
}

void ServerRegistry::ended() {
  std::lock_guard lock(mutex_);
  --running_;
  delete_retired(kRestBeforeDelete);
  delete_later();
}

bool ServerRegistry::others_running() {
  std::lock_guard lock(mutex_);
  return running_ > 1;
}

void ServerRegistry::add(const std::shared_ptr<Server>& server) {
  watch_exit();
  std::lock_guard lock(mutex_);
  servers_[server->address()] = server;
}

void ServerRegistry::remove(std::uintptr_t address) {
  std::lock_guard lock(mutex_);
  const auto entry = servers_.find(address);
  // The address may belong to a newer object already.
  if (entry != servers_.end() && entry->second.expired()) servers_.erase(entry);
}

std::shared_ptr<Server> ServerRegistry::find(std::uintptr_t address) {
  std::lock_guard lock(mutex_);
  const auto entry = servers_.find(address);
  return entry == servers_.end() ? nullptr : entry->second.lock();
}

void ServerRegistry::retire(std::shared_ptr<const Library> library, TRITONSERVER_Server* handle) {
  std::lock_guard lock(mutex_);
  retired_.push_back({std::move(library), handle, base::Clock::now()});
  delete_retired(kRestBeforeDelete);
  delete_later();
}

void ServerRegistry::keep(TRITONSERVER_Server* handle) {
  std::lock_guard lock(mutex_);
  kept_.push_back(handle);
}

// Under the lock, so that no server is made meanwhile: began() waits. Deleting a stopped server
// does not block.
void ServerRegistry::delete_retired(base::Duration rest) {
  if (running_ > 0) return;
  const base::TimePoint rested = base::Clock::now() - rest;
  std::erase_if(retired_, [rested](const Retired& server) {
    if (server.at > rested) return false;
    (void)call(server.library->api(), server.library->api().ServerDelete, server.handle);
    return true;
  });
}

void ServerRegistry::delete_later() {
  if (retired_.empty() || running_ > 0 || janitor_runs_ || leaving_) return;
  watch_exit();
  janitor_.join();  // one that has nothing left to do but to end
  // Without it the next server, or the exit, finds what there is to delete.
  auto thread = base::Thread::start("tfe-janitor", [this] { wait_for_rest(); });
  if (!thread) return;
  janitor_ = *std::move(thread);
  janitor_runs_ = true;
}

void ServerRegistry::wait_for_rest() {
  std::unique_lock lock(mutex_);
  while (!retired_.empty() && running_ == 0 && !leaving_) {
    changed_.wait_until(lock, retired_.front().at + kRestBeforeJanitor);
    if (!leaving_) delete_retired(kRestBeforeJanitor);
  }
  janitor_runs_ = false;
}

bool ServerRegistry::run_apart(std::function<void()> work) {
  std::lock_guard lock(workers_mutex_);
  if (leaving_) return false;
  watch_exit();
  auto thread = base::Thread::start("tfe-apart", std::move(work));
  if (!thread) return false;
  workers_.push_back(*std::move(thread));
  return true;
}

void ServerRegistry::leave() {
  std::vector<base::Thread> workers;
  {
    std::lock_guard lock(workers_mutex_);
    leaving_ = true;
    workers.swap(workers_);
  }
  for (base::Thread& worker : workers) worker.join();
  base::Thread janitor;
  {
    std::lock_guard lock(mutex_);
    janitor = std::move(janitor_);
  }
  changed_.notify_all();
  janitor.join();
  std::lock_guard lock(mutex_);
  if (retired_.empty() || running_ > 0) return;
  std::this_thread::sleep_until(retired_.back().at + kRestBeforeDelete);
  delete_retired(kRestBeforeDelete);
}

}  // namespace tfe::triton
