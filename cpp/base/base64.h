// Base64 (RFC 4648 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tfe::base {

// Padded.
std::string base64_encode(std::string_view bytes);

// Padded or not. Nothing for characters outside the alphabet, wrong padding or an impossible
// length.
std::optional<std::string> base64_decode(std::string_view text);

// The way Triton's HTTP frontend decodes: characters outside the alphabet, padding included, are
// skipped; an incomplete last group gives the whole bytes it holds. Never fails.
std::string base64_decode_lenient(std::string_view text);

}  // namespace tfe::base
