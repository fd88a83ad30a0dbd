// Models that a platform's frontend loads from folders of the platform's choice under names of its
// own. What a client asks of it, as values that can be repeated on the server of another worker;
// how it is done is that frontend's business, which lies in a layer above.
//
// Thread rule: any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/status.h"

namespace tfe::kserve {

struct HostModel {
  std::string name;    // the platform's
  std::string url;     // the model's folder
  std::string target;  // what the core shall call it
};
struct UnhostModel {
  std::string name;
};

class ModelHosting {
 public:
  virtual ~ModelHosting() = default;
  // Blocks until the model is loaded or failed, and before that, for a while, until an unload of
  // that name, which other workers may have behind them, is over. `repeated`: it is no error if
  // just that is loaded.
  virtual base::Status host(const HostModel& model, bool repeated) = 0;
  // Returns when the core has begun to unload it.
  virtual base::Status unhost(const UnhostModel& model) = 0;
};

// Which frontend carries out calls that come from elsewhere: the one that was set last.
// Lifetime rule: does not keep it alive.
class HostingRef {
 public:
  void set(std::weak_ptr<ModelHosting> hosting) {
    const std::lock_guard lock(mutex_);
    hosting_ = std::move(hosting);
  }
  // Null if there is none.
  std::shared_ptr<ModelHosting> get() const {
    const std::lock_guard lock(mutex_);
    return hosting_.lock();
  }

 private:
  mutable std::mutex mutex_;
  std::weak_ptr<ModelHosting> hosting_;
};

}  // namespace tfe::kserve
