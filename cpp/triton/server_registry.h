// The servers of this process: which address is ours, and when a stopped one may be deleted.
//
// TRITONSERVER_ServerDelete of one server takes the process-wide memory managers away from the
// others, so deletion waits until no server is running, being made or adopted. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "base/thread.h"
#include "triton/server.h"

namespace tfe::triton {

class ServerRegistry {
 public:
  static ServerRegistry& global();

  // A server runs from began(), called before it is made, to ended(), when it is stopped or could
  // not be made. Without ended() nothing is deleted any more.
  void began();
  void ended();
  // Whether any server but one is running or being made.
  bool others_running();

  void add(const std::shared_ptr<Server>& server);
  void remove(std::uintptr_t address);
  std::shared_ptr<Server> find(std::uintptr_t address);

  // Takes a stopped server that nobody refers to. It is deleted when no other is running and it has
  // rested: a few seconds later by a thread of the registry, or before that by whoever makes, stops
  // or drops the next server, or at normal process exit.
  void retire(std::shared_ptr<const Library> library, TRITONSERVER_Server* handle);

  // Remembers a server that is never to be deleted: lent to foreign code, or still in use by the
  // core after a stop that failed.
  void keep(TRITONSERVER_Server* handle);

  // Runs `work` on a thread of its own, which normal process exit waits for: static objects of the
  // core must not go while it deletes a server. False, and not run, once the exit has begun or when
  // the system refuses the thread.
  bool run_apart(std::function<void()> work);
  // Normal process exit has begun: waits for what runs apart, lets no more run, and deletes the
  // stopped servers that are left, for static objects of the core refer to them. Called by
  // handlers of exit(), before any static object of the core or of a backend goes.
  void leave();
  bool leaving() const { return leaving_; }

 private:
  struct Retired {
    std::shared_ptr<const Library> library;
    TRITONSERVER_Server* handle;
    base::TimePoint at;
  };
  void watch_exit();
  void forget_parent();
  // With the lock.
  void delete_retired(base::Duration rest);
  void delete_later();
  // On the janitor's thread.
  void wait_for_rest();

  std::mutex mutex_;
  std::size_t running_ = 0;
  std::vector<Retired> retired_;  // oldest first
  std::condition_variable changed_;
  base::Thread janitor_;
  bool janitor_runs_ = false;
  std::vector<TRITONSERVER_Server*> kept_;
  std::map<std::uintptr_t, std::weak_ptr<Server>> servers_;

  std::mutex workers_mutex_;
  std::vector<base::Thread> workers_;
  std::atomic<bool> leaving_ = false;
  std::atomic<int> process_ = 0;  // read at exit, also in a forked child: no lock
};

}  // namespace tfe::triton
