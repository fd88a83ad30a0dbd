#include "cloud/hosted_models.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tfe::cloud {

using base::Code;

base::Status HostedModels::begin_load(const std::string& name, const std::string& target) {
  const std::lock_guard lock(mutex_);
  const auto [entry, added] = entries_.try_emplace(name);
  if (added) {
    entry->second.model = {.name = name, .target = target, .repository = {}, .shown = {}};
    return {};
  }
  switch (entry->second.state) {
    case State::kLoading:
      return base::fail(Code::kAlreadyExists, "model '" + name + "' is being loaded");
    case State::kLoaded:
      return base::fail(Code::kAlreadyExists, "model '" + name + "' is already loaded");
    case State::kUnloading:
      break;
  }
  return base::fail(Code::kAlreadyExists, "model '" + name + "' is being unloaded");
}

void HostedModels::loaded(const std::string& name, std::string repository, std::string shown) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return;
  entry->second.state = State::kLoaded;
  entry->second.model.repository = std::move(repository);
  entry->second.model.shown = std::move(shown);
}

void HostedModels::load_failed(const std::string& name) {
  const std::lock_guard lock(mutex_);
  entries_.erase(name);
}

std::optional<HostedModel> HostedModels::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end() || entry->second.state != State::kLoaded) return std::nullopt;
  return entry->second.model;
}

template <typename Wanted>
std::vector<HostedModel> HostedModels::select(Wanted wanted) const {
  std::vector<HostedModel> models;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    if (wanted(entry)) models.push_back(entry.model);
  }
  return models;
}

std::vector<HostedModel> HostedModels::list() const {
  return select([](const Entry& entry) { return entry.state == State::kLoaded; });
}

std::vector<HostedModel> HostedModels::unloading() const {
  return select([](const Entry& entry) { return entry.accepted; });
}

base::Result<std::optional<HostedModel>> HostedModels::begin_unload(const std::string& name,
                                                                    base::TimePoint deadline,
                                                                    Waiter waiter) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    return base::fail(Code::kNotFound, "model '" + name + "' is not loaded");
  }
  Entry& entry = found->second;
  if (entry.state == State::kLoading) {
    return base::fail(Code::kAlreadyExists, "model '" + name + "' is being loaded");
  }
  if (auto status = add_waiter(entry, deadline, waiter); !status) {
    return std::unexpected(std::move(status).error());
  }
  if (std::exchange(entry.state, State::kUnloading) == State::kUnloading) return std::nullopt;
  return entry.model;
}

base::Result<bool> HostedModels::join_unload(const std::string& name, base::TimePoint deadline,
                                             Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.state != State::kUnloading) return false;
  if (auto status = add_waiter(found->second, deadline, waiter); !status) {
    return std::unexpected(std::move(status).error());
  }
  return true;
}

base::Status HostedModels::add_waiter(Entry& entry, base::TimePoint deadline, Waiter& waiter) {
  if (entry.waiters.size() >= kMostWaiters) {
    return base::fail(Code::kResourceExhausted, "too many requests wait for the unload of model '" +
                                                    entry.model.name + "' (limit " +
                                                    std::to_string(kMostWaiters) + ")");
  }
  entry.waiters.push_back({deadline, std::move(waiter)});
  return {};
}

void HostedModels::unload_refused(const std::string& name, const base::Error& error) {
  std::vector<PendingWaiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return;
    entry->second.state = State::kLoaded;
    waiters.swap(entry->second.waiters);
  }
  for (auto& pending : waiters) pending.waiter(std::unexpected(error));
}

void HostedModels::unload_accepted(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry != entries_.end()) entry->second.accepted = true;
}

void HostedModels::unloaded(const std::string& name, const base::Status& status) {
  std::vector<PendingWaiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return;
    waiters.swap(entry->second.waiters);
    entries_.erase(entry);
  }
  for (auto& pending : waiters) pending.waiter(status);
}

bool HostedModels::expire(base::TimePoint now) {
  std::vector<std::pair<std::string, Waiter>> overdue;
  bool under_way = false;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, entry] : entries_) {
      under_way = under_way || entry.state == State::kUnloading;
      auto [first, last] = std::ranges::partition(
          entry.waiters, [&](const PendingWaiter& pending) { return pending.deadline > now; });
      for (auto pending = first; pending != last; ++pending) {
        overdue.emplace_back(name, std::move(pending->waiter));
      }
      entry.waiters.erase(first, last);
    }
  }
  for (auto& [name, waiter] : overdue) {
    waiter(base::fail(Code::kDeadlineExceeded,
                      "model '" + name + "' is still being unloaded: requests are in flight"));
  }
  return under_way;
}

}  // namespace tfe::cloud
