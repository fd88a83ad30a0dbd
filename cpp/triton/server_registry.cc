#include "triton/server_registry.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include "triton/library.h"

namespace tfe::triton {
namespace {

// The core (2.51) counts a model as gone before the thread that destroyed it has let go of the
// server: on a busy machine some wait for a lock of the server when the stop is over already.
constexpr std::chrono::milliseconds kRestBeforeDelete{500};

}  // namespace

ServerRegistry& ServerRegistry::global() {
  static auto* const registry = new ServerRegistry;
  return *registry;
}

void ServerRegistry::began() {
  std::lock_guard lock(mutex_);
  delete_retired();
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

void ServerRegistry::ended() {
  std::lock_guard lock(mutex_);
  --running_;
  delete_retired();
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
  delete_retired();
}

void ServerRegistry::keep(TRITONSERVER_Server* handle) {
  std::lock_guard lock(mutex_);
  kept_.push_back(handle);
}

// Under the lock, so that no server is made meanwhile: began() waits. Deleting a stopped server
// does not block.
void ServerRegistry::delete_retired() {
  if (running_ > 0) return;
  const base::TimePoint rested = base::Clock::now() - kRestBeforeDelete;
  std::erase_if(retired_, [rested](const Retired& server) {
    if (server.at > rested) return false;
    (void)call(server.library->api(), server.library->api().ServerDelete, server.handle);
    return true;
  });
}

bool ServerRegistry::run_apart(std::function<void()> work) {
  std::lock_guard lock(workers_mutex_);
  if (leaving_) return false;
  watch_exit();
  workers_.emplace_back(std::move(work));
  return true;
}

void ServerRegistry::leave() {
  std::vector<std::thread> workers;
  {
    std::lock_guard lock(workers_mutex_);
    leaving_ = true;
    workers.swap(workers_);
  }
  for (std::thread& worker : workers) worker.join();
  std::lock_guard lock(mutex_);
  if (retired_.empty() || running_ > 0) return;
  std::this_thread::sleep_until(retired_.back().at + kRestBeforeDelete);
  delete_retired();
}

}  // namespace tfe::triton
