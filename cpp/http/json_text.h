// Text as a JSON string (RFC 8259 section 7), for the few lines of JSON that this layer writes
// itself.
#pragma once

#include <string>
#include <string_view>

namespace tfe::http {

// Appends `text` with its quotes. Always valid JSON in valid UTF-8: bytes that are not UTF-8, which
// header values may hold, are written as the characters of ISO 8859-1.
void append_json_string(std::string& out, std::string_view text);

}  // namespace tfe::http
