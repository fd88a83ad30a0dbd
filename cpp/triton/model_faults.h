// Models that are broken although the core says that they are ready, as somebody who watches their
// processes knows. Clients of the frontends are told; the core is not.
//
// Any thread. Costs one relaxed load while there are none.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace tfe::triton {

struct ModelFault {
  std::string text;    // what is wrong, for clients
  bool stuck = false;  // it may answer yet, if one waits
};

class ModelFaults {
 public:
  using ByModel = std::map<std::string, ModelFault>;

  // Replaces all.
  void set(ByModel faults) {
    const std::lock_guard lock(mutex_);
    faults_ = std::move(faults);
    any_.store(!faults_.empty(), std::memory_order_relaxed);
  }

  bool any() const { return any_.load(std::memory_order_relaxed); }

  std::optional<ModelFault> find(const std::string& model) const {
    if (!any()) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto found = faults_.find(model);
    return found == faults_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::atomic<bool> any_ = false;
  mutable std::mutex mutex_;
  ByModel faults_;
};

}  // namespace tfe::triton
