// The value of the Date header (RFC 9110 section 5.6.7), formatted once per second and thread. The
// one place of the HTTP layers that reads the wall clock, so that the parsers need none.
#pragma once

#include <ctime>
#include <string_view>

namespace tfe::http {

// "Sun, 06 Nov 1994 08:49:37 GMT". Valid until the next call on the same thread.
std::string_view current_date();

// The formatting alone, for any time. `out` receives kDateSize characters.
inline constexpr std::size_t kDateSize = 29;
void format_date(std::time_t time, char* out);

}  // namespace tfe::http
