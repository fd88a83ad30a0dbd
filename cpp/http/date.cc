#include "http/date.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace tfe::http {

void format_date(std::time_t time, char* out) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 80> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  std::copy_n(text.data(), kDateSize, out);
}

std::string_view current_date() {
  thread_local std::time_t second = -1;
  thread_local std::array<char, kDateSize> text{};
  const std::time_t now = std::time(nullptr);
  if (now != second) {
    format_date(now, text.data());
    second = now;
  }
  return {text.data(), text.size()};
}

std::string format_timestamp(std::chrono::system_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto since_epoch = std::chrono::floor<milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto whole = static_cast<std::time_t>(seconds.count());
  std::tm parts{};
  gmtime_r(&whole, &parts);
  std::array<char, 80> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                    parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                    parts.tm_min, parts.tm_sec, static_cast<int>((since_epoch - seconds).count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string current_timestamp() { return format_timestamp(std::chrono::system_clock::now()); }

}  // namespace tfe::http
