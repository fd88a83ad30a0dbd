// Model version texts, as both protocols take them.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace tfe::kserve {

// Empty: -1, the model's version policy. Otherwise like C's strtol: leading blanks, a sign and
// trailing characters are accepted. kInvalidArgument with Triton's text for no number, a number
// beyond 64 bits and a negative one.
base::Result<std::int64_t> parse_version(std::string_view text);

}  // namespace tfe::kserve
