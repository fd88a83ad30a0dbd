#include "server/occupancy.h"

#include <algorithm>

namespace tfe::server {

std::optional<PeerKind> Occupancy::admit() {
  // Only this thread adds to the two.
  const std::size_t refusing = being_refused_.load(std::memory_order_relaxed);
  const bool over_cap = clients() >= options_.max_connections + refusing;
  if (over_cap) {
    totals_.refused.fetch_add(1, std::memory_order_relaxed);
    if (refusing >= options_.refusal_allowance) return std::nullopt;
    totals_.refused_answered.fetch_add(1, std::memory_order_relaxed);
    being_refused_.fetch_add(1, std::memory_order_relaxed);
  } else {
    totals_.accepted.fetch_add(1, std::memory_order_relaxed);
  }
  connections_.fetch_add(1, std::memory_order_relaxed);
  return over_cap ? PeerKind::kOverCap : PeerKind::kClient;
}

void Occupancy::add_link() {
  connections_.fetch_add(1, std::memory_order_relaxed);
  links_.fetch_add(1, std::memory_order_relaxed);
}

void Occupancy::leave(PeerKind kind) {
  // First: the two may be read between. admit() then counts one client too many, and may refuse
  // one for which there is room; the other way round it would let one in above the limit.
  if (kind == PeerKind::kOverCap) being_refused_.fetch_sub(1, std::memory_order_relaxed);
  if (kind == PeerKind::kLink) links_.fetch_sub(1, std::memory_order_relaxed);
  if (connections_.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

std::size_t Occupancy::clients() const {
  const std::size_t links = links_.load(std::memory_order_relaxed);
  const std::size_t all = connections_.load(std::memory_order_relaxed);
  return all - std::min(links, all);  // the two may be read between their changes
}

void Occupancy::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

bool Occupancy::wait_until_empty(base::TimePoint until) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(
      lock, until, [this] { return closed_ && connections_.load(std::memory_order_relaxed) == 0; });
}

}  // namespace tfe::server
