// A page of memory through which one server tells a supervisor that its threads still turn, and how
// much they have to do. The supervisor reads it without any help of this process, so that it sees a
// process that is stopped or stuck.
//
//   offset  0  u32 kMagic        4  u32 number of threads
//           8  u64 connections that the listener or the inbox brought, also refused ones
//          16  u64 open connections
//          24  u64 requests in flight
//          32  u64 requests completed
//          40  u64 connections that others have sent since the inbox was last empty
//          48  u64 1 while it takes no connection for lack of descriptors, else 0
//          56  u64 inferences that the whole process has in hand, see kserve/work_meter.h
//          64  u64 beat of each thread: CLOCK_MONOTONIC in ns, 0 while the thread does not run
//
// Single writer, but for offset 40: the process that serves. Numbers are in the machine's byte
// order. Any thread; each field is written in one piece and in no order with the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/shared_mapping.h"
#include "base/status.h"

namespace tfe::server {

struct BeatOptions {
  int fd = -1;  // a memory file of the supervisor's, or -1 for none
  std::size_t offset = 0;
  // Requests completed so far; called with every beat, on a loop thread. May be empty.
  std::function<std::uint64_t()> completed;
};

// Some hundred times a second and machine at most; a third of the time after which a supervisor
// takes a worker for stuck.
inline constexpr std::chrono::milliseconds kBeatInterval{50};

class BeatPage {
 public:
  static constexpr std::uint32_t kMagic = 0x42454154;  // "BEAT"
  static constexpr std::size_t kSize = 4096;
  static constexpr std::size_t kMaxThreads = 256;
  static constexpr std::size_t kConnectionsAt = 16;
  static constexpr std::size_t kAnnouncedAt = 40;
  static constexpr std::size_t kWorkAt = 56;

  // kInvalidArgument "heartbeat_fd ..." for what is no file of kSize bytes from `offset` on, which
  // must be a multiple of the machine's page size.
  static base::Result<std::unique_ptr<BeatPage>> map(int fd, std::size_t offset);
  BeatPage(const BeatPage&) = delete;
  BeatPage& operator=(const BeatPage&) = delete;

  // Before the threads start. Forgets what an earlier server left on the page, but for the work,
  // which is the process's.
  void begin(std::size_t threads);
  void beat(std::size_t thread, base::TimePoint now);
  void ended(std::size_t thread);

  void count_arrival();
  void add_connections(std::int64_t delta);
  // Nothing is on its way to this server now.
  void clear_announced();
  void set_lacking(bool lacking);
  void set_requests(std::uint64_t in_flight, std::uint64_t completed);

 private:
  explicit BeatPage(base::SharedMapping memory) : memory_(std::move(memory)) {}
  std::uint64_t& cell(std::size_t offset);

  const base::SharedMapping memory_;
};

}  // namespace tfe::server
