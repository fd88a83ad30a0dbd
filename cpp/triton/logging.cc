#include "triton/logging.h"

#include <mutex>

#include "triton/library.h"

namespace tfe::triton {

namespace {

// The setters take the options object only by form: the settings are global, and null is accepted.
template <typename Value, typename Given>
base::Status apply(const Api& api, const Function<capi::Err*(capi::Options*, Value)>& setter,
                   const std::optional<Given>& value) {
  if (!value) return {};
  return call(api, setter, static_cast<capi::Options*>(nullptr), static_cast<Value>(*value));
}

base::Status apply_all(const Api& api, const LogSettings& settings) {
  std::optional<const char*> file;
  if (settings.file) file = settings.file->c_str();
  base::Status status = apply(api, api.ServerOptionsSetLogFile, file);
  if (status) status = apply(api, api.ServerOptionsSetLogInfo, settings.info);
  if (status) status = apply(api, api.ServerOptionsSetLogWarn, settings.warn);
  if (status) status = apply(api, api.ServerOptionsSetLogError, settings.error);
  if (status) status = apply(api, api.ServerOptionsSetLogFormat, settings.format);
  if (status) status = apply(api, api.ServerOptionsSetLogVerbose, settings.verbose);
  return status;
}

// The levels to come back to when the last QuietLog ends. Levels are process-wide, so is this.
struct Quiet {
  std::mutex mutex;
  int depth = 0;
  LogSettings before;
};

Quiet& quiet() {
  static auto* const state = new Quiet;  // servers may be made while static objects go
  return *state;
}

template <typename T>
void replace(std::optional<T>* target, const std::optional<T>& value) {
  if (value) *target = value;
}

LogSettings current_levels(const Library& library) {
  LogSettings levels;
  levels.info = log_enabled(library, LogLevel::kInfo);
  levels.warn = log_enabled(library, LogLevel::kWarn);
  levels.error = log_enabled(library, LogLevel::kError);
  levels.verbose = log_enabled(library, LogLevel::kVerbose) ? 1 : 0;
  return levels;
}

}  // namespace

base::Status set_log_settings(const Library& library, const LogSettings& settings) {
  std::lock_guard lock(quiet().mutex);
  if (quiet().depth > 0) {
    replace(&quiet().before.info, settings.info);
    replace(&quiet().before.warn, settings.warn);
    replace(&quiet().before.error, settings.error);
    replace(&quiet().before.verbose, settings.verbose);
  }
  return apply_all(library.api(), settings);
}

bool log_enabled(const Library& library, LogLevel level) {
  return library.api().LogIsEnabled && library.api().LogIsEnabled(level);
}

base::Status log_message(const Library& library, LogLevel level, const std::string& file, int line,
                         const std::string& message) {
  return call(library.api(), library.api().LogMessage, level, file.c_str(), line, message.c_str());
}

// A core without these functions only costs the silence: their errors are not looked at.
QuietLog::QuietLog(const Library& library) : library_(library) {
  std::lock_guard lock(quiet().mutex);
  if (quiet().depth++ == 0) quiet().before = current_levels(library);
  LogSettings off;
  off.info = off.warn = off.error = false;
  off.verbose = 0;
  (void)apply_all(library.api(), off);
}

QuietLog::~QuietLog() {
  std::lock_guard lock(quiet().mutex);
  if (--quiet().depth == 0) (void)apply_all(library_.api(), quiet().before);
}

}  // namespace tfe::triton
