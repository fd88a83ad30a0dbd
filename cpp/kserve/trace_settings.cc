#include "kserve/trace_settings.h"

#include <charconv>
#include <limits>

#include "base/text.h"
#include "triton/trace.h"

namespace tfe::kserve {

namespace {

using base::Code;

enum class Number { kGood, kNoNumber, kOutOfRange };

Number parse_integer(std::string_view text, std::int64_t* value) {
  text = base::trim(text);
  // from_chars takes a minus, but no plus.
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return Number::kNoNumber;
  }
  return error == std::errc() ? Number::kGood : Number::kOutOfRange;
}

base::Error no_number(std::string_view name, std::string_view text) {
  return {Code::kInvalidArgument,
          "Unable to parse '" + std::string(name) + "', got: " + std::string(text)};
}

base::Error out_of_range(std::string_view name, std::string_view range, std::string_view text) {
  return {Code::kInvalidArgument, "Unable to parse '" + std::string(name) +
                                      "', value is out of range [ " + std::string(range) +
                                      " ], got: " + std::string(text)};
}

base::Result<std::uint32_t> parse_unsigned(std::string_view name, std::string_view text) {
  constexpr std::string_view kRange = "0, 4294967295";
  std::int64_t value = 0;
  const Number kind = parse_integer(text, &value);
  if (kind == Number::kNoNumber) return std::unexpected(no_number(name, text));
  if (kind == Number::kOutOfRange || value < 0 ||
      value > std::numeric_limits<std::uint32_t>::max()) {
    return std::unexpected(out_of_range(name, kRange, text));
  }
  return static_cast<std::uint32_t>(value);
}

// 0 for a name of no level. MIN and MAX are what Triton's levels were called once.
std::uint32_t level_of(std::string_view name) {
  if (name == "TIMESTAMPS" || name == "MIN" || name == "MAX") return triton::kTraceTimestamps;
  if (name == "TENSORS") return triton::kTraceTensors;
  return 0;
}

base::Error invalid_config(std::string_view key, std::string_view expected,
                           std::string_view value) {
  return {Code::kInvalidArgument, "invalid trace setting '" + std::string(key) + "': expected " +
                                      std::string(expected) + ", got '" + std::string(value) + "'"};
}

// Collects what --trace-config gives, one setting after the other.
class Config {
 public:
  base::Status set(std::string_view key, const std::string& value) {
    if (key == "mode") return set_mode(value);
    if (key == "level") return add_levels(value);
    if (key == "rate") return number(key, parse_trace_rate(value), settings_.rate);
    if (key == "count") return number(key, parse_trace_count(value), settings_.count);
    if (key.starts_with("opentelemetry,")) return std::unexpected(no_opentelemetry());
    constexpr std::string_view kMode = "triton,";
    const std::string_view name = key.starts_with(kMode) ? key.substr(kMode.size()) : key;
    if (name == "log-frequency" || name == "log_frequency") {
      return number(key, parse_trace_log_frequency(value), settings_.log_frequency);
    }
    if (name == "parent-based" || name == "parent_based") return set_parent_based(key, value);
    if (name == "file") {
      settings_.file = value;
      return {};
    }
    return base::fail(
        Code::kInvalidArgument,
        "unknown trace setting '" + std::string(key) +
            "': expected level, rate, count, mode, file, log-frequency or parent-based");
  }

  base::Result<TraceSettings> finish() {
    if (!level_names_.empty()) {
      auto levels = parse_trace_levels(level_names_);
      if (!levels) return std::unexpected(std::move(levels.error()));
      settings_.levels = levels->value_or(0);
    }
    return std::move(settings_);
  }

 private:
  static base::Error no_opentelemetry() {
    return {Code::kUnsupported,
            "trace mode 'opentelemetry' is not supported, use mode 'triton', which writes trace "
            "files"};
  }

  static base::Status set_mode(const std::string& value) {
    if (value == "triton") return {};
    if (value == "opentelemetry") return std::unexpected(no_opentelemetry());
    return std::unexpected(invalid_config("mode", "'triton'", value));
  }

  base::Status set_parent_based(std::string_view key, const std::string& value) {
    if (value != "true" && value != "false") {
      return std::unexpected(invalid_config(key, "'true' or 'false'", value));
    }
    settings_.parent_based = value == "true";
    return {};
  }

  base::Status add_levels(std::string_view list) {
    for (bool more = true; more;) {
      const std::size_t comma = list.find(',');
      more = comma != std::string_view::npos;
      level_names_.emplace_back(base::trim(list.substr(0, comma)));
      if (more) list.remove_prefix(comma + 1);
    }
    return {};
  }

  template <typename T>
  static base::Status number(std::string_view key, base::Result<T> value, T& target) {
    if (!value) {
      return base::fail(Code::kInvalidArgument, "invalid trace setting '" + std::string(key) +
                                                    "': " + value.error().message);
    }
    target = *value;
    return {};
  }

  TraceSettings settings_;
  std::vector<std::string> level_names_;
};

}  // namespace

base::Result<std::optional<std::uint32_t>> parse_trace_levels(
    const std::vector<std::string>& names) {
  std::uint32_t levels = 0;
  bool off = false;
  for (const std::string& name : names) {
    const std::uint32_t level = level_of(name);
    if (level == 0 && name != "OFF") {
      return base::fail(
          Code::kInvalidArgument,
          "Unable to parse 'trace_level', expected OFF, TIMESTAMPS or TENSORS, got: " + name);
    }
    off = off || level == 0;
    levels |= level;
  }
  if (off && names.size() > 1) {
    return base::fail(Code::kInvalidArgument, "Expect only one trace level 'OFF' is specified");
  }
  if (names.empty()) return std::nullopt;
  return levels;
}

base::Result<std::uint32_t> parse_trace_rate(std::string_view text) {
  return parse_unsigned("trace_rate", text);
}

base::Result<std::int32_t> parse_trace_count(std::string_view text) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();
  std::int64_t value = 0;
  const Number kind = parse_integer(text, &value);
  if (kind == Number::kNoNumber) return std::unexpected(no_number("trace_count", text));
  if (kind == Number::kOutOfRange || value > kLargest ||
      value < std::numeric_limits<std::int32_t>::min()) {
    return std::unexpected(out_of_range("trace_count", "-1, " + std::to_string(kLargest), text));
  }
  if (value < -1) {
    return base::fail(
        Code::kInvalidArgument,
        "Unable to parse 'trace_count'. Expecting value >= -1, got:" + std::string(text));
  }
  return static_cast<std::int32_t>(value);
}

base::Result<std::uint32_t> parse_trace_log_frequency(std::string_view text) {
  return parse_unsigned("log_frequency", text);
}

std::vector<std::string_view> trace_level_names(std::uint32_t levels) {
  std::vector<std::string_view> names;
  if ((levels & triton::kTraceTimestamps) != 0) names.push_back("TIMESTAMPS");
  if ((levels & triton::kTraceTensors) != 0) names.push_back("TENSORS");
  if (names.empty()) names.push_back("OFF");
  return names;
}

base::Status check_trace_settings(const TraceSettings& settings) {
  if (settings.levels == 0) return {};
  std::string_view reason;
  if (settings.rate == 0) reason = "sample rate must be non-zero";
  if (settings.file.empty()) reason = "trace file name is not given";
  if (reason.empty()) return {};
  return base::fail(Code::kInvalidArgument,
                    "Attempting to set invalid trace setting :" + std::string(reason));
}

base::Error trace_file_is_fixed() {
  return {Code::kUnsupported, "trace file location can not be updated through network protocol"};
}

base::Error unknown_trace_setting(std::string_view key) {
  return {Code::kInvalidArgument,
          "unknown trace setting '" + std::string(key) +
              "', expected trace_level, trace_rate, trace_count or log_frequency"};
}

base::Status check_trace_mode(const std::vector<std::string>& values) {
  if (values.size() == 1 && values.front() == "triton") return {};
  return base::fail(Code::kInvalidArgument,
                    "trace mode can not be updated through network protocol");
}

base::Result<TraceSettings> parse_trace_config(
    const std::vector<std::pair<std::string, std::string>>& pairs) {
  Config config;
  for (const auto& [key, value] : pairs) {
    if (auto status = config.set(key, value); !status) {
      return std::unexpected(std::move(status.error()));
    }
  }
  return config.finish();
}

}  // namespace tfe::kserve
