#include "kserve/flight_table.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/clock.h"

namespace tfe::kserve {
namespace {

constexpr std::size_t kLost = 8;
constexpr std::size_t kStart = 8;
constexpr std::size_t kModelAt = 16;
constexpr std::size_t kIdAt = kModelAt + FlightTable::kModel;
static_assert(kIdAt + FlightTable::kId == FlightTable::kCell);
// Neighbours are tried so often: a full table must not cost a request 511 looks.
constexpr std::size_t kTries = 16;

std::atomic<FlightTable*>& installed() {
  static std::atomic<FlightTable*> table{nullptr};
  return table;
}

template <typename T>
std::atomic_ref<T> field(std::byte* at) {
  return std::atomic_ref<T>(*reinterpret_cast<T*>(at));
}

void copy_text(std::byte* at, std::size_t size, std::string_view text) {
  const std::size_t count = std::min(size, text.size());
  std::memcpy(at, text.data(), count);
  std::memset(at + count, 0, size - count);
}

}  // namespace

void Flight::end() {
  if (cell_ == nullptr) return;
  field<std::uint32_t>(cell_).store(FlightTable::kFree, std::memory_order_release);
  cell_ = nullptr;
}

FlightTable::FlightTable(base::SharedMapping memory) : memory_(std::move(memory)) {
  std::memset(memory_.data(), 0, kSize);
  field<std::uint32_t>(memory_.data() + 4).store(static_cast<std::uint32_t>(kCells));
  field<std::uint32_t>(memory_.data()).store(kMagic, std::memory_order_release);
}

base::Result<std::unique_ptr<FlightTable>> FlightTable::map(int fd, std::size_t offset) {
  auto memory = base::SharedMapping::map("flights_fd", fd, offset, kSize);
  if (!memory) return std::unexpected(std::move(memory.error()));
  return std::unique_ptr<FlightTable>(new FlightTable(std::move(*memory)));
}

Flight FlightTable::begin(std::string_view model, std::string_view id) {
  const std::size_t first = next_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kTries; ++i) {
    std::byte* const cell = memory_.data() + (1 + (first + i) % kCells) * kCell;
    std::uint32_t expected = kFree;
    if (!field<std::uint32_t>(cell).compare_exchange_strong(expected, kClaimed,
                                                            std::memory_order_acquire)) {
      continue;
    }
    const auto now = base::Clock::now().time_since_epoch();
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    field<std::uint64_t>(cell + kStart)
        .store(static_cast<std::uint64_t>(ns), std::memory_order_relaxed);
    copy_text(cell + kModelAt, kModel, model);
    copy_text(cell + kIdAt, kId, id);
    field<std::uint32_t>(cell).store(kUsed, std::memory_order_release);
    return Flight(cell);
  }
  field<std::uint64_t>(memory_.data() + kLost).fetch_add(1, std::memory_order_relaxed);
  return {};
}

base::Status record_flights(int fd, std::size_t offset) {
  auto table = FlightTable::map(fd, offset);
  if (!table) return std::unexpected(std::move(table.error()));
  installed().store(table->release(), std::memory_order_release);
  return {};
}

Flight begin_flight(std::string_view model, std::string_view id) {
  FlightTable* const table = installed().load(std::memory_order_acquire);
  return table == nullptr ? Flight() : table->begin(model, id);
}

}  // namespace tfe::kserve
