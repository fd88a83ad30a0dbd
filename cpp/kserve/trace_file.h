// Trace files: JSON arrays that grow. After every append the file is a whole document, so that it
// can be read at any time and a crash costs at most what was not yet written.
//
// Thread rule: the thread of TraceWriter only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/unique_fd.h"
#include "kserve/trace_format.h"

namespace tfe::kserve {

// One file with one array. It is locked (flock) while open: two servers that are given the same
// path would destroy each other's traces.
class JsonArrayFile {
 public:
  // Empties a file that exists. kInternal with the path and the reason.
  static base::Result<JsonArrayFile> create(const std::string& path);

  // Elements, separated by ",\n". On failure the file stays as it was.
  base::Status append(std::string_view elements);

 private:
  JsonArrayFile(std::string path, base::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  using Parts = std::array<std::string_view, 3>;  // of which the last holds something
  base::Status write_at(std::uint64_t offset, Parts parts) const;

  std::string path_;
  base::UniqueFd fd_;
  std::uint64_t size_ = 0;
};

// The file of a server's setting "trace_file", shared by its settings: the plain file, and the
// number of the next one of those that hold log_frequency traces each.
class TraceFile {
 public:
  explicit TraceFile(std::string path) : path_(std::move(path)) {}
  // Any thread.
  const std::string& path() const { return path_; }

  // Whether it can be written, for a clear error at start: kInvalidArgument.
  static base::Status check(const std::string& path);

  base::Status append(std::string_view elements);
  std::string next_numbered() { return path_ + "." + std::to_string(next_index_++); }

 private:
  const std::string path_;
  std::optional<JsonArrayFile> plain_;
  std::uint64_t next_index_ = 0;
};

// The traces of one setting on their way to files.
class TraceStream {
 public:
  TraceStream(std::shared_ptr<TraceFile> file, std::uint32_t log_frequency)
      : file_(std::move(file)), log_frequency_(log_frequency) {}

  // Collects; writes what completes a numbered file, and what has become much.
  base::Status add(const FinishedTrace& trace);
  // Writes what was collected. A numbered file has the suffix ".partial" until it is complete.
  base::Status write();
  // There will be no more: completes a numbered file.
  base::Status close();

 private:
  std::shared_ptr<TraceFile> file_;
  std::uint32_t log_frequency_;
  std::string collected_;
  std::uint32_t in_file_ = 0;  // traces in the numbered file, or collected for it
  std::string numbered_path_;
  std::optional<JsonArrayFile> numbered_;
};

}  // namespace tfe::kserve
