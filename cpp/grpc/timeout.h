// The grpc-timeout header ("gRPC over HTTP/2", Requests).
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"

namespace tfe::grpc {

// Digits and one of H M S m u n. More than the eight digits of the specification are taken, as
// gRPC's own servers do. Anything above 100 years is 100 years, so that adding it to a time cannot
// overflow.
std::optional<base::Duration> parse_timeout(std::string_view text);

}  // namespace tfe::grpc
