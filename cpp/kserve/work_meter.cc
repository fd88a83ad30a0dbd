#include "kserve/work_meter.h"

#include <atomic>
#include <deque>
#include <mutex>

namespace tfe::kserve {
namespace {

constexpr std::int64_t kSmoothing = 8;

struct Meter {
  std::atomic<std::uint64_t*> published{nullptr};
  std::atomic<std::int64_t> in_hand{0};
  std::atomic<std::int64_t> latency_ns{0};

  void add(std::int64_t delta) {
    const std::int64_t now = in_hand.fetch_add(delta, std::memory_order_relaxed) + delta;
    std::uint64_t* const cell = published.load(std::memory_order_acquire);
    // Two threads may store in the wrong order; the next change puts it right.
    std::atomic_ref(*cell).store(static_cast<std::uint64_t>(now), std::memory_order_relaxed);
  }
};

Meter& meter() {
  static Meter made;
  return made;
}

}  // namespace

WorkShare& WorkShare::operator=(WorkShare&& other) noexcept {
  if (this != &other) {
    end();
    start_ = other.start_;
    counted_ = std::exchange(other.counted_, false);
  }
  return *this;
}

void WorkShare::end() {
  if (!std::exchange(counted_, false)) return;
  Meter& own = meter();
  own.add(-1);
  const std::chrono::nanoseconds took = base::Clock::now() - start_;
  const std::int64_t before = own.latency_ns.load(std::memory_order_relaxed);
  // Samples that overwrite each other are lost, which an average can bear.
  own.latency_ns.store(before + (took.count() - before) / kSmoothing, std::memory_order_relaxed);
}

WorkShare begin_work() {
  Meter& own = meter();
  if (own.published.load(std::memory_order_acquire) == nullptr) return {};
  own.add(1);
  return WorkShare(base::Clock::now());
}

void publish_work(base::SharedMapping page, std::size_t at) {
  // For ever: threads that end after everything else may still count.
  static std::mutex mutex;
  static auto* const pages = new std::deque<base::SharedMapping>;
  const std::lock_guard lock(mutex);
  const base::SharedMapping& kept = pages->emplace_back(std::move(page));
  meter().published.store(reinterpret_cast<std::uint64_t*>(kept.data() + at),
                          std::memory_order_release);
  meter().add(0);
}

std::uint64_t work_in_hand() {
  return static_cast<std::uint64_t>(meter().in_hand.load(std::memory_order_relaxed));
}

std::chrono::microseconds usual_latency() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::nanoseconds(meter().latency_ns.load(std::memory_order_relaxed)));
}

}  // namespace tfe::kserve
