// What multi-model mode knows about its models: one state each, and who waits for an unload.
//
//   (none) -- begin_load --> LOADING -- loaded --> LOADED -- begin_unload --> UNLOADING -- unloaded
//      ^                        |                    ^                          |   |          |
//      +------ load_failed -----+                    +----- unload_refused -----+   |          |
//      +----------------------------------------------------------------------------+----------+
//
// Thread rule: any thread; the lock is held for a look-up, never while the core works, so a model
// that is slow to load or unload delays nobody else. Waiters are called without the lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace tfe::cloud {

struct HostedModel {
  std::string name;        // as SageMaker calls it: a hash, and the key
  std::string target;      // as the core calls it
  std::string repository;  // registered with the core
  std::string shown;       // the repository as clients see it
};

class HostedModels {
 public:
  // Told how an unload ended. Called at most once.
  using Waiter = std::move_only_function<void(const base::Status&)>;
  // For one unload. They stay until it is over, also when their clients have gone.
  static constexpr std::size_t kMostWaiters = 1024;

  // kAlreadyExists if there is a model of that name, in whatever state.
  base::Status begin_load(const std::string& name, const std::string& target);
  void loaded(const std::string& name, std::string repository, std::string shown);
  void load_failed(const std::string& name);

  // Models in state LOADED only.
  std::optional<HostedModel> find(const std::string& name) const;
  std::vector<HostedModel> list() const;  // by name

  // The model, which the caller must now have the core unload, and report unload_refused() or
  // unload_accepted(); or nothing if that is under way already. The waiter is called with
  // kDeadlineExceeded if it is not over at `deadline` (see expire), which ends the wait and not the
  // unload. kNotFound for an unknown model, kAlreadyExists for one that is still being loaded,
  // kResourceExhausted if too many wait; the waiter is dropped then.
  base::Result<std::optional<HostedModel>> begin_unload(const std::string& name,
                                                        base::TimePoint deadline, Waiter waiter);
  // Waits for an unload that is under way, with the same rules, and takes the waiter; false, and
  // the waiter is as it was, if there is none.
  base::Result<bool> join_unload(const std::string& name, base::TimePoint deadline, Waiter& waiter);
  void unload_refused(const std::string& name, const base::Error& error);
  // The core has begun: the model appears in unloading() until unloaded() is told.
  void unload_accepted(const std::string& name);
  std::vector<HostedModel> unloading() const;
  // The model is forgotten.
  void unloaded(const std::string& name, const base::Status& status);
  // Calls the waiters whose deadline has passed. False if no unload is under way.
  bool expire(base::TimePoint now);

 private:
  enum class State : std::uint8_t { kLoading, kLoaded, kUnloading };
  struct PendingWaiter {
    base::TimePoint deadline;
    Waiter waiter;
  };
  struct Entry {
    State state = State::kLoading;
    HostedModel model;
    bool accepted = false;  // by the core, while unloading
    std::vector<PendingWaiter> waiters = {};
  };

  static base::Status add_waiter(Entry& entry, base::TimePoint deadline, Waiter& waiter);
  template <typename Wanted>
  std::vector<HostedModel> select(Wanted wanted) const;

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace tfe::cloud
