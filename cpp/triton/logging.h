// The core's log: process-wide, shared by all servers, effective at once.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "triton/types.h"

namespace tfe::triton {

class Library;

// What is not set stays as it is. The core starts with info, warning and error on and verbose 0.
struct LogSettings {
  std::optional<bool> info = {};
  std::optional<bool> warn = {};
  std::optional<bool> error = {};
  std::optional<int> verbose = {};  // 0 is off
  std::optional<LogFormat> format = {};
  std::optional<std::string> file = {};  // empty: standard error
};

// Applied in the order file, info, warn, error, format, verbose; stops at the first failure
// (kInternal: the file cannot be opened).
base::Status set_log_settings(const Library& library, const LogSettings& settings);
// What is in force, every member set. Levels that were not set through this project (by the maker
// of an adopted server) are known as on or off only, verbose then as 1; its format and file are not
// known, and told as the core's defaults. Under a QuietLog: what will hold after it.
LogSettings current_log_settings(const Library& library);
// kVerbose: on at any level above 0.
bool log_enabled(const Library& library, LogLevel level);
// Writes one record under the given source file and line.
base::Status log_message(const Library& library, LogLevel level, const std::string& file, int line,
                         const std::string& message);

// Switches info, warning, error and verbose off while it lives, for a start that must be silent;
// what set_log_settings() sets meanwhile holds afterwards. May overlap with others of its kind.
class QuietLog {
 public:
  explicit QuietLog(const Library& library);
  ~QuietLog();
  QuietLog(const QuietLog&) = delete;
  QuietLog& operator=(const QuietLog&) = delete;

 private:
  const Library& library_;
};

}  // namespace tfe::triton
