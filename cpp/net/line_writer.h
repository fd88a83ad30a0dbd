// Writes lines to a file from a thread of its own, for logs that must not slow down whoever has
// something to say. When the disk is slower than the writers, lines are dropped and counted.
//
// Thread-safe. The destructor writes what is queued, without waiting for a reader that does not
// read.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread.h"
#include "base/unique_fd.h"

namespace tfe::net {

struct LineWriterOptions {
  std::string path;  // appended to; "-" or empty: standard error
  // Lines that wait for the disk. 4 MiB are some 10,000 requests, seconds of a full load.
  std::size_t max_queued_bytes = 4U << 20;
  // Lines are collected for this long before they are written: fewer wake-ups and system calls.
  std::chrono::milliseconds batch_delay{20};
  // Makes the line that tells how many were dropped. Empty: nothing is said.
  std::function<std::string(std::uint64_t)> dropped_line;
  // Hears once of each row of failures to open or write. On the writer's thread. May be empty.
  std::function<void(const base::Error&)> on_error;
  std::string thread_name = "line-writer";
};

class LineWriter {
 public:
  // How often the path is compared with the open file, so that a rotated log is noticed.
  static constexpr std::chrono::milliseconds kCheckInterval{1'000};

  // kInvalidArgument "<path>: <reason>" when the file cannot be opened.
  static base::Result<std::unique_ptr<LineWriter>> open(LineWriterOptions options);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Adds the line end. False if the line was dropped. Never blocks.
  bool write(std::string_view line);
  // Opens the path again before the next line: for log rotation.
  void reopen();
  // Waits until what was queued before has been written or given up.
  void flush();
  std::uint64_t dropped_total() const { return dropped_total_.load(std::memory_order_relaxed); }

 private:
  explicit LineWriter(LineWriterOptions options);

  void run();
  int descriptor() const;
  bool next_batch(std::string& batch);
  void write_batch(std::string_view batch);
  bool write_all(std::string_view text);
  bool wait_writable();
  bool is_stderr() const { return options_.path.empty() || options_.path == "-"; }
  base::Status open_file();
  void follow_rotation();
  void report(const std::string& message);

  const LineWriterOptions options_;
  std::atomic<std::uint64_t> dropped_total_ = 0;

  // On the writer's thread.
  base::UniqueFd file_;
  bool regular_ = false;
  bool failing_ = false;
  std::uint64_t told_ = 0;  // lines that the present batch says were dropped
  base::TimePoint next_check_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable written_;
  std::string queue_;
  std::uint64_t dropped_ = 0;  // since it was last told
  // flush() waits until the batch that was taken after its call is written.
  std::uint64_t flushes_asked_ = 0;
  std::uint64_t flushes_taken_ = 0;
  std::uint64_t flushes_done_ = 0;
  bool sleeping_ = false;
  bool hurry_ = false;  // no batch delay
  bool reopen_ = false;
  std::atomic<bool> stopping_ = false;

  base::Thread thread_;
};

}  // namespace tfe::net
