// Which inference requests this process has in hand, in memory that outlives it: a supervisor reads
// there what a worker was computing when it died, however it died.
//
//   header  0  u32 kMagic   4  u32 cells   8  u64 requests that found no free cell
//   cell    0  u32 state    8  u64 start: CLOCK_MONOTONIC in ns   16  char model[64]   80  char
//   id[48]
//
// One header of kCell bytes, then the cells. Longer names are cut; texts are padded with zeros. A
// cell is valid while its state is kUsed. Single writer: this process; any thread of it, no lock.
// Numbers are in the machine's byte order.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/shared_mapping.h"
#include "base/status.h"

namespace tfe::kserve {

// A cell in use, given back at the end. Empty where nothing is recorded.
class Flight {
 public:
  Flight() = default;
  explicit Flight(std::byte* cell) : cell_(cell) {}
  Flight(Flight&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
  Flight& operator=(Flight&& other) noexcept {
    if (this != &other) {
      end();
      cell_ = std::exchange(other.cell_, nullptr);
    }
    return *this;
  }
  ~Flight() { end(); }

  void end();

 private:
  std::byte* cell_ = nullptr;
};

class FlightTable {
 public:
  static constexpr std::uint32_t kMagic = 0x464c4947;  // "FLIG"
  static constexpr std::size_t kCell = 128;
  // 511 requests: more than a worker computes at once. Those above are only counted.
  static constexpr std::size_t kSize = 64 * 1024;
  static constexpr std::size_t kCells = kSize / kCell - 1;
  static constexpr std::size_t kModel = 64;
  static constexpr std::size_t kId = 48;
  enum State : std::uint32_t { kFree = 0, kClaimed = 1, kUsed = 2 };

  // kInvalidArgument "flights_fd ..." for what is no file of kSize bytes from `offset` on, which
  // must be a multiple of the machine's page size.
  static base::Result<std::unique_ptr<FlightTable>> map(int fd, std::size_t offset);

  Flight begin(std::string_view model, std::string_view id);

 private:
  explicit FlightTable(base::SharedMapping memory);

  const base::SharedMapping memory_;
  std::atomic<std::size_t> next_{0};
};

// From now on all requests of this process are recorded there. Once per process, before its first
// request; the memory stays mapped, since a callback of the core may end a request at any time.
base::Status record_flights(int fd, std::size_t offset);

// A cell of the process's table, or nothing if it has none or none is free.
Flight begin_flight(std::string_view model, std::string_view id);

}  // namespace tfe::kserve
