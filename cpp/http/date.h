// The value of the Date header (RFC 9110 section 5.6.7), formatted once per second and thread. The
// one place of the HTTP layers that reads the wall clock, so that the parsers need none.
#pragma once

#include <chrono>
#include <ctime>
#include <string>
#include <string_view>

namespace tfe::http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Valid until the next call on the same thread.
std::string_view current_date();

// Now as RFC 3339 in UTC with milliseconds: "2026-01-31T12:00:00.123Z".
std::string current_timestamp();
std::string format_timestamp(std::chrono::system_clock::time_point time);

// The formatting alone, for any time. `out` receives kDateSize characters.
inline constexpr std::size_t kDateSize = 29;
void format_date(std::time_t time, char* out);

}  // namespace tfe::http
