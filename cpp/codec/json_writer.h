// Writes JSON text into a string: strings with their escapes, numbers (json_number.h), and the
// small objects that every endpoint needs. Compact, no trailing newline.
#pragma once

#include <string>
#include <string_view>

#include "codec/json_number.h"

namespace tfe::codec {

// With its quotes. Escapes quote, backslash and control characters; '/' and everything above ASCII
// stay as they are, also bytes that are not UTF-8, because a model may answer with any bytes.
void append_json_string(std::string& out, std::string_view text);

inline void append_json_bool(std::string& out, bool value) { out += value ? "true" : "false"; }

// {"error":"<message>"}
std::string json_error(std::string_view message);

}  // namespace tfe::codec
