#include "triton/model_activity.h"

#include <algorithm>

namespace tfe::triton {

ModelActivity::Call::Call(ModelActivity& owner, const std::string& model) : owner_(owner) {
  const auto now = base::Clock::now();
  std::lock_guard lock(owner_.mutex_);
  record_ = owner_.records_.try_emplace(model).first;
  Record& record = record_->second;
  if (record.starts.empty()) record.progress = now;
  start_ = record.starts.insert(record.starts.end(), now);
}

ModelActivity::Call::~Call() {
  const auto now = base::Clock::now();
  std::lock_guard lock(owner_.mutex_);
  Record& record = record_->second;
  record.progress = now;
  if (succeeded_) ++record.answered[Outcomes::bucket_of(now - *start_)];
  record.starts.erase(start_);
}

void ModelActivity::Call::progress() {
  const auto now = base::Clock::now();
  std::lock_guard lock(owner_.mutex_);
  record_->second.progress = now;
}

std::vector<ModelActivity::Busy> ModelActivity::busy(base::TimePoint now) const {
  std::vector<Busy> found;
  std::lock_guard lock(mutex_);
  for (const auto& [model, record] : records_) {
    if (record.starts.empty()) continue;
    found.push_back({.model = model,
                     .in_flight = record.starts.size(),
                     .oldest = now - record.starts.front(),
                     .silent = now - record.progress});
  }
  return found;
}

std::map<std::string, Outcomes::Buckets> ModelActivity::answered() const {
  std::map<std::string, Outcomes::Buckets> found;
  std::lock_guard lock(mutex_);
  for (const auto& [model, record] : records_) {
    const bool any = std::ranges::any_of(record.answered, [](auto count) { return count > 0; });
    if (any) found.emplace(model, record.answered);
  }
  return found;
}

}  // namespace tfe::triton
