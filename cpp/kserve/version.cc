#include "kserve/version.h"

#include <charconv>
#include <string>

#include "base/text.h"

namespace tfe::kserve {

namespace {

std::unexpected<base::Error> no_number(std::string_view text) {
  return base::fail(base::Code::kInvalidArgument,
                    "failed to get model version from specified version string '" +
                        std::string(text) +
                        "' (details: stol), version should be an integral value > 0");
}

}  // namespace

base::Result<std::int64_t> parse_version(std::string_view text) {
  if (text.empty()) return -1;
  const std::size_t start = text.find_first_not_of(base::kBlanks);
  if (start == std::string_view::npos) return no_number(text);
  std::string_view digits = text.substr(start);
  if (digits.starts_with('+')) {
    digits.remove_prefix(1);
    if (digits.starts_with('-')) return no_number(text);
  }
  std::int64_t version = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (result.ec != std::errc()) return no_number(text);
  if (version < 0) {
    return base::fail(base::Code::kInvalidArgument, "invalid model version specified '" +
                                                        std::string(text) +
                                                        "' , version should be an integral "
                                                        "value > 0");
  }
  return version;
}

}  // namespace tfe::kserve
