// The log as clients see and change it: Triton's logging extension. The log is one for the process,
// whichever server or frontend asks.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "kserve/parameters.h"
#include "triton/library.h"
#include "triton/logging.h"

namespace tfe::kserve {

// "default", "ISO8601".
std::string_view log_format_name(triton::LogFormat format);
// kInvalidArgument, in Triton's words, for any other text.
base::Result<triton::LogFormat> parse_log_format(std::string_view name,
                                                 Protocol protocol = Protocol::kHttp);

// kInvalidArgument for a level that the core cannot hold; larger ones would wrap around.
base::Result<int> check_verbose_level(std::uint64_t level);

// kUnsupported: the file is the server's, not the clients'.
base::Error log_file_is_fixed();

}  // namespace tfe::kserve
