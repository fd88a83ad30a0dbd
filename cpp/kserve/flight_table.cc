#include "kserve/flight_table.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>

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

FlightTable::FlightTable(std::byte* memory) : memory_(memory) {
  std::memset(memory_, 0, kSize);
  field<std::uint32_t>(memory_ + 4).store(static_cast<std::uint32_t>(kCells));
  field<std::uint32_t>(memory_).store(kMagic, std::memory_order_release);
}

base::Result<FlightTable*> FlightTable::map(int fd, std::size_t offset) {
  const auto invalid = [fd](const std::string& why) {
    return base::fail(base::Code::kInvalidArgument,
                      "flights_fd " + std::to_string(fd) + ": " + why);
  };
  struct stat info{};
  if (::fstat(fd, &info) != 0) return invalid(std::generic_category().message(errno));
  // A store behind the end of the file would kill the process.
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size < kSize || offset > size - kSize) {
    return invalid("expected a file with " + std::to_string(kSize) + " bytes at offset " +
                   std::to_string(offset));
  }
  void* memory =
      ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
  if (memory == MAP_FAILED) return invalid(std::generic_category().message(errno));
  return new FlightTable(static_cast<std::byte*>(memory));
}

Flight FlightTable::begin(std::string_view model, std::string_view id) {
  const std::size_t first = next_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kTries; ++i) {
    std::byte* const cell = memory_ + (1 + (first + i) % kCells) * kCell;
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
  field<std::uint64_t>(memory_ + kLost).fetch_add(1, std::memory_order_relaxed);
  return {};
}

base::Status record_flights(int fd, std::size_t offset) {
  auto table = FlightTable::map(fd, offset);
  if (!table) return std::unexpected(std::move(table.error()));
  installed().store(*table, std::memory_order_release);
  return {};
}

Flight begin_flight(std::string_view model, std::string_view id) {
  FlightTable* const table = installed().load(std::memory_order_acquire);
  return table == nullptr ? Flight() : table->begin(model, id);
}

}  // namespace tfe::kserve
