#include "grpc/timeout.h"

#include <charconv>
#include <cstdint>

namespace tfe::grpc {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kMaxTimeout = std::chrono::hours(24 * 365 * 100);

std::int64_t unit_in_ns(char unit) {
  switch (unit) {
    case 'H':
      return nanoseconds(std::chrono::hours(1)).count();
    case 'M':
      return nanoseconds(std::chrono::minutes(1)).count();
    case 'S':
      return nanoseconds(std::chrono::seconds(1)).count();
    case 'm':
      return nanoseconds(std::chrono::milliseconds(1)).count();
    case 'u':
      return nanoseconds(std::chrono::microseconds(1)).count();
    case 'n':
      return 1;
    default:
      return 0;
  }
}

}  // namespace

std::optional<base::Duration> parse_timeout(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const std::int64_t unit = unit_in_ns(text.back());
  text.remove_suffix(1);
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (unit == 0 || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::invalid_argument) return std::nullopt;
  const auto most = static_cast<std::uint64_t>(kMaxTimeout.count() / unit);
  if (error == std::errc::result_out_of_range || count >= most) return kMaxTimeout;
  return nanoseconds(static_cast<std::int64_t>(count) * unit);
}

}  // namespace tfe::grpc
