#include "kserve/log_control.h"

#include <limits>
#include <string>

namespace tfe::kserve {

namespace {

constexpr std::string_view kDefault = "default";
constexpr std::string_view kIso8601 = "ISO8601";

}  // namespace

std::string_view log_format_name(triton::LogFormat format) {
  return format == triton::LogFormat::kIso8601 ? kIso8601 : kDefault;
}

base::Result<triton::LogFormat> parse_log_format(std::string_view name, Protocol protocol) {
  if (name == kDefault) return triton::LogFormat::kDefault;
  if (name == kIso8601) return triton::LogFormat::kIso8601;
  return base::fail(base::Code::kInvalidArgument, std::string("invalid argument for ") +
                                                      (protocol == Protocol::kGrpc ? "" : "--") +
                                                      "log_format, got: " + std::string(name));
}

base::Result<int> check_verbose_level(std::uint64_t level) {
  constexpr int kLargest = std::numeric_limits<int>::max();
  if (level <= static_cast<std::uint64_t>(kLargest)) return static_cast<int>(level);
  return base::fail(base::Code::kInvalidArgument,
                    "Unable to parse 'log_verbose_level', value is out of range [ 0, " +
                        std::to_string(kLargest) + " ], got: " + std::to_string(level));
}

base::Error log_file_is_fixed() {
  return {base::Code::kUnsupported,
          "log file location can not be updated through network protocol"};
}

}  // namespace tfe::kserve
