#include "server/beat_page.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <utility>

namespace tfe::server {
namespace {

constexpr std::size_t kThreads = 4;
constexpr std::size_t kArrivals = 8;
constexpr std::size_t kInFlight = 24;
constexpr std::size_t kCompleted = 32;
constexpr std::size_t kLacking = 48;
constexpr std::size_t kBeats = 64;
static_assert(kBeats + BeatPage::kMaxThreads * sizeof(std::uint64_t) <= BeatPage::kSize);
static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

void store(std::uint64_t& cell, std::uint64_t value) {
  std::atomic_ref(cell).store(value, std::memory_order_relaxed);
}

}  // namespace

base::Result<std::unique_ptr<BeatPage>> BeatPage::map(int fd, std::size_t offset) {
  auto memory = base::SharedMapping::map("heartbeat_fd", fd, offset, kSize);
  if (!memory) return std::unexpected(std::move(memory.error()));
  return std::unique_ptr<BeatPage>(new BeatPage(std::move(*memory)));
}

std::uint64_t& BeatPage::cell(std::size_t offset) {
  return *reinterpret_cast<std::uint64_t*>(memory_.data() + offset);
}

void BeatPage::begin(std::size_t threads) {
  constexpr std::size_t kBehindWork = kWorkAt + sizeof(std::uint64_t);
  std::memset(memory_.data(), 0, kWorkAt);
  std::memset(memory_.data() + kBehindWork, 0, kSize - kBehindWork);
  *reinterpret_cast<std::uint32_t*>(memory_.data() + kThreads) =
      static_cast<std::uint32_t>(threads);
  auto& magic = *reinterpret_cast<std::uint32_t*>(memory_.data());
  std::atomic_ref(magic).store(kMagic, std::memory_order_release);
}

void BeatPage::beat(std::size_t thread, base::TimePoint now) {
  using std::chrono::nanoseconds;
  const auto value = std::chrono::duration_cast<nanoseconds>(now.time_since_epoch()).count();
  store(cell(kBeats + thread * sizeof(std::uint64_t)), static_cast<std::uint64_t>(value));
}

void BeatPage::ended(std::size_t thread) {
  store(cell(kBeats + thread * sizeof(std::uint64_t)), 0);
}

void BeatPage::count_arrival() {
  std::atomic_ref(cell(kArrivals)).fetch_add(1, std::memory_order_relaxed);
}

void BeatPage::add_connections(std::int64_t delta) {
  std::atomic_ref(cell(kConnectionsAt))
      .fetch_add(static_cast<std::uint64_t>(delta), std::memory_order_relaxed);
}

void BeatPage::clear_announced() { store(cell(kAnnouncedAt), 0); }

void BeatPage::set_lacking(bool lacking) { store(cell(kLacking), lacking ? 1 : 0); }

void BeatPage::set_requests(std::uint64_t in_flight, std::uint64_t completed) {
  store(cell(kInFlight), in_flight);
  store(cell(kCompleted), completed);
}

}  // namespace tfe::server
