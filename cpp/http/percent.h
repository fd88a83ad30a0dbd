// Percent-decoding of one path segment (RFC 3986 section 2.1).
#pragma once

#include <string>
#include <string_view>

namespace tfe::http {

// False, with `out` untouched, if a '%' is not followed by two hex digits or stands for NUL, which
// would cut a name short where it is handed to C.
bool percent_decode(std::string_view text, std::string& out);

}  // namespace tfe::http
