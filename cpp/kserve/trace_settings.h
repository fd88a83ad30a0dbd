// The settings of Triton's trace extension: their values, the texts in which clients and command
// lines give them, and the refusals. Same rules for HTTP, gRPC and the start of the server.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace tfe::kserve {

struct TraceSettings {
  std::uint32_t levels = 0;   // triton::kTraceTimestamps | triton::kTraceTensors; 0 is OFF
  std::uint32_t rate = 1000;  // one request in so many
  std::int32_t count = -1;    // how many more; -1: without end
  // Traces per numbered file ("<file>.0", ...); 0: all in one file, as they come.
  std::uint32_t log_frequency = 0;
  std::string file = {};  // set at start only
  // A client may have its request traced whatever rate and count say, by the sampled flag of its
  // traceparent (W3C Trace Context section 3.2). Set at start only, and off: any client could
  // have all of its requests written to the disk.
  bool parent_based = false;

  friend bool operator==(const TraceSettings&, const TraceSettings&) = default;
};

// One setting in an update: not mentioned, cleared (back to what it falls back to), or a value.
template <typename T>
class TraceChange {
 public:
  TraceChange() = default;
  TraceChange(T value) : given_(true), value_(value) {}
  static TraceChange clear() {
    TraceChange change;
    change.given_ = true;
    return change;
  }
  // Back to not mentioned.
  void reset() {
    given_ = false;
    value_.reset();
  }
  bool given() const { return given_; }
  const std::optional<T>& value() const { return value_; }

 private:
  bool given_ = false;
  std::optional<T> value_;
};

struct TraceUpdate {
  TraceChange<std::uint32_t> levels = {};
  TraceChange<std::uint32_t> rate = {};
  TraceChange<std::int32_t> count = {};
  TraceChange<std::uint32_t> log_frequency = {};
};

// Values as clients write them. kInvalidArgument in Triton's words, also for what Triton lets pass
// or wraps around: unknown levels, negative rates, text behind a number. No levels at all: nullopt,
// which changes nothing.
base::Result<std::optional<std::uint32_t>> parse_trace_levels(
    const std::vector<std::string>& names);
base::Result<std::uint32_t> parse_trace_rate(std::string_view text);
base::Result<std::int32_t> parse_trace_count(std::string_view text);
base::Result<std::uint32_t> parse_trace_log_frequency(std::string_view text);

// "OFF", or the names of the levels, in the order in which they are answered.
std::vector<std::string_view> trace_level_names(std::uint32_t levels);

// Settings of which the server cannot make traces: kInvalidArgument "Attempting to set invalid
// trace setting :<reason>". OFF is always valid.
base::Status check_trace_settings(const TraceSettings& settings);

// kUnsupported; the file is the server's, not the clients'.
base::Error trace_file_is_fixed();

// Triton leaves what it does not know alone, and with it every misspelt setting.
base::Error unknown_trace_setting(std::string_view key);

// The mode is answered with the other settings, so clients that send back what they got may send
// it: exactly one value, "triton". kInvalidArgument for others.
base::Status check_trace_mode(const std::vector<std::string>& values);

// Pairs as on Triton's command line after --trace-config: "level" (also several times, or several
// in one, separated by commas), "rate", "count", "mode" (only "triton"), and with or without the
// mode in front ("triton,file") "file", "log-frequency" and, which is ours, "parent-based" (true or
// false). kInvalidArgument for anything else,
// kUnsupported for mode "opentelemetry" and its settings.
base::Result<TraceSettings> parse_trace_config(
    const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace tfe::kserve
