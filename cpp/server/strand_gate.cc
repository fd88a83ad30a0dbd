#include "server/strand_gate.h"

#include <algorithm>
#include <utility>

namespace tfe::server {

StrandGate::Posted StrandGate::post(Task& task, Where where) {
  const std::lock_guard lock(mutex_);
  // An inbox that is not empty goes first, or two tasks of one poster could overtake each other.
  if (!held_ && inbox_.empty() && (where == Where::kHere || closed_)) {
    held_ = true;
    return Posted::kRun;
  }
  inbox_.push_back({std::move(task), where});
  if (held_ || scheduled_) return Posted::kQueued;
  scheduled_ = true;
  return Posted::kWake;
}

bool StrandGate::enter(Signals signals) {
  const std::lock_guard lock(mutex_);
  signals_ |= signals;
  // Whatever brought the loop here serves the call that was on its way, too: that one will find
  // nothing to do. If the gate is held, the holder schedules anew.
  scheduled_ = false;
  if (held_) return false;
  held_ = true;
  return true;
}

Signals StrandGate::take_signals() {
  const std::lock_guard lock(mutex_);
  return std::exchange(signals_, 0);
}

bool StrandGate::runs_here(const Entry& entry, bool on_loop) const {
  return on_loop || closed_ || entry.where == Where::kHere;
}

void StrandGate::take_tasks(std::vector<Task>& into, bool on_loop) {
  const std::lock_guard lock(mutex_);
  const auto end = std::ranges::find_if_not(
      inbox_, [&](const Entry& entry) { return runs_here(entry, on_loop); });
  for (auto entry = inbox_.begin(); entry != end; ++entry) into.push_back(std::move(entry->task));
  inbox_.erase(inbox_.begin(), end);
}

void StrandGate::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

StrandGate::Left StrandGate::leave(bool on_loop, Signals more, bool again) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    if (!inbox_.empty()) return Left::kAgain;
    held_ = false;
    signals_ = 0;
    return Left::kLeft;
  }
  const bool tasks = !inbox_.empty() && runs_here(inbox_.front(), on_loop);
  if (again && (tasks || (on_loop && signals_ != 0))) {
    signals_ |= more;
    return Left::kAgain;
  }
  signals_ |= more;
  held_ = false;
  if (scheduled_ || (inbox_.empty() && signals_ == 0)) return Left::kLeft;
  scheduled_ = true;
  return Left::kWake;
}

}  // namespace tfe::server
