// The answer to a connection above ServerOptions::max_connections: its first request gets 429 with
// Retry-After and a text that names the limit, then the connection ends (Connection: close,
// GOAWAY).
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "http/exchange.h"
#include "http/protocol.h"

namespace tfe::server {

// For the whole of such a connection. Few are allowed at a time, so none may stay.
inline constexpr std::chrono::seconds kRefusalTimeout{5};

// `make` makes the protocol around the handler it is given. `handler` hears of the refusals.
std::unique_ptr<http::Protocol> make_refusal(
    http::Handler& handler, base::TimePoint now,
    const std::function<std::unique_ptr<http::Protocol>(http::Handler&)>& make);

}  // namespace tfe::server
