// The text that travels with a trace: a JSON object, to which the core adds the names of custom
// activities under their time in decimal nanoseconds, because its callback does not carry them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tfe::triton {

// Empty if the context has no name for that time.
std::string custom_activity_name(std::string_view context, std::uint64_t timestamp_ns);

}  // namespace tfe::triton
