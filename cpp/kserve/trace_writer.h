// The thread that writes trace files, one per process: neither event loops nor threads of the core
// ever wait for a disk.
//
// Traces are held in memory from their first event until they are written, within one budget; what
// does not fit is not recorded, counted, and said once in the core's log.
//
// Thread rule: any thread. Lifetime rule: never destroyed; at normal process exit it writes what it
// has and ends the files, and takes no more.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "kserve/trace_file.h"
#include "triton/library.h"

namespace tfe::kserve {

// A share of the budget; given back when destroyed.
class TraceMemory {
 public:
  TraceMemory() = default;
  TraceMemory(TraceMemory&& other) noexcept : bytes_(std::exchange(other.bytes_, 0)) {}
  TraceMemory& operator=(TraceMemory&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~TraceMemory();
  // False, and counted as dropped, if the budget has not that much left.
  bool grow(std::size_t bytes);

 private:
  std::size_t bytes_ = 0;
};

class TraceWriter {
 public:
  // Traces that are being recorded or wait for the disk, and the text that is made of them. Ten
  // thousand requests in flight at level TIMESTAMPS take about a sixth of it, a tensor of 25 MiB of
  // FP32 all.
  static constexpr std::size_t kMemoryLimit = std::size_t{128} << 20;

  static TraceWriter& global();

  // Neither waits for anything but a short lock.
  void write(std::shared_ptr<TraceStream> stream, FinishedTrace trace, TraceMemory memory);
  void close(std::shared_ptr<TraceStream> stream);
  // Waits until all that was given before is written. False if that took longer.
  bool flush(base::Duration patience);

  // Where a failure to write is logged.
  void log_to(const triton::Library& library) { library_.store(&library); }
  // Traces and parts of traces that were lost for lack of memory or because of the disk.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  std::size_t memory() const { return memory_.load(std::memory_order_relaxed); }

 private:
  friend class TraceMemory;
  struct Item {
    std::shared_ptr<TraceStream> stream;
    std::optional<FinishedTrace> trace;  // none: close the stream
    TraceMemory memory;
  };

  TraceWriter() = default;
  void push(Item item);
  bool start();
  void run();
  void work(std::deque<Item> items);
  void note(const base::Status& status);
  void drop(const std::string& reason);
  void stop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Item> items_;
  std::uint64_t pushed_ = 0;
  std::uint64_t written_ = 0;
  bool stopping_ = false;
  std::optional<std::thread> thread_;
  int process_ = 0;  // a forked child has no thread to join

  std::vector<std::weak_ptr<TraceStream>> open_;  // used by the thread only
  std::atomic<const triton::Library*> library_ = nullptr;
  std::atomic<bool> complained_ = false;
  std::atomic<std::uint64_t> dropped_ = 0;
  std::atomic<std::size_t> memory_ = 0;
};

}  // namespace tfe::kserve
