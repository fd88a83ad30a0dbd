// Base64 (RFC 4648 section 4), decoded the way Triton's HTTP frontend does.
#pragma once

#include <string>
#include <string_view>

namespace tfe::base {

// Characters outside the alphabet, padding included, are skipped; an incomplete last group gives the
// whole bytes it holds. Never fails.
std::string base64_decode_lenient(std::string_view text);

}  // namespace tfe::base
