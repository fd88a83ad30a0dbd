#include "triton/logging.h"

#include <algorithm>
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

// What the core does not tell. Its log is process-wide, so is this.
struct State {
  std::mutex mutex;
  // What was set last; the core's defaults before.
  int verbose = 0;
  LogFormat format = LogFormat::kDefault;
  std::string file;
  // The levels to come back to when the last QuietLog ends.
  int quiet_depth = 0;
  LogSettings before_quiet;
};

State& state() {
  static auto* const object = new State;  // servers may be made while static objects go
  return *object;
}

template <typename T>
void replace(std::optional<T>* target, const std::optional<T>& value) {
  if (value) *target = value;
}

void remember(const LogSettings& settings) {
  state().verbose = settings.verbose.value_or(state().verbose);
  state().format = settings.format.value_or(state().format);
  if (settings.file) state().file = *settings.file;
}

// Somebody else may have set the level meanwhile: whether it is on is what the core says.
int current_verbose(const Library& library) {
  if (!log_enabled(library, LogLevel::kVerbose)) return 0;
  return std::max(state().verbose, 1);
}

LogSettings current_levels(const Library& library) {
  if (state().quiet_depth > 0) return state().before_quiet;
  LogSettings levels;
  levels.info = log_enabled(library, LogLevel::kInfo);
  levels.warn = log_enabled(library, LogLevel::kWarn);
  levels.error = log_enabled(library, LogLevel::kError);
  levels.verbose = current_verbose(library);
  return levels;
}

}  // namespace

base::Status set_log_settings(const Library& library, const LogSettings& settings) {
  std::lock_guard lock(state().mutex);
  if (state().quiet_depth > 0) {
    replace(&state().before_quiet.info, settings.info);
    replace(&state().before_quiet.warn, settings.warn);
    replace(&state().before_quiet.error, settings.error);
    replace(&state().before_quiet.verbose, settings.verbose);
  }
  auto status = apply_all(library.api(), settings);
  if (status) remember(settings);
  return status;
}

LogSettings current_log_settings(const Library& library) {
  std::lock_guard lock(state().mutex);
  LogSettings settings = current_levels(library);
  settings.format = state().format;
  settings.file = state().file;
  return settings;
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
  std::lock_guard lock(state().mutex);
  if (state().quiet_depth == 0) state().before_quiet = current_levels(library);
  ++state().quiet_depth;
  LogSettings off;
  off.info = off.warn = off.error = false;
  off.verbose = 0;
  (void)apply_all(library.api(), off);
}

QuietLog::~QuietLog() {
  std::lock_guard lock(state().mutex);
  if (--state().quiet_depth == 0) (void)apply_all(library_.api(), state().before_quiet);
}

}  // namespace tfe::triton
