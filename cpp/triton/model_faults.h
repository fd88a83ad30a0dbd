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

class ModelFaults {
 public:
  using Texts = std::map<std::string, std::string>;

  // Replaces all. Texts say by model what is wrong, for clients.
  void set(Texts texts) {
    const std::lock_guard lock(mutex_);
    texts_ = std::move(texts);
    any_.store(!texts_.empty(), std::memory_order_relaxed);
  }

  std::optional<std::string> find(const std::string& model) const {
    if (!any_.load(std::memory_order_relaxed)) return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto found = texts_.find(model);
    return found == texts_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::atomic<bool> any_ = false;
  mutable std::mutex mutex_;
  Texts texts_;
};

}  // namespace tfe::triton
