// Answers a client that speaks clear text to a port that speaks TLS: the usual cause is a URL with
// http: instead of https:, and an answer in HTTP/1 is what its user gets to see.
#pragma once

#include <memory>

#include "http/protocol.h"

namespace tfe::server {

std::unique_ptr<http::Protocol> make_clear_text_refusal();

}  // namespace tfe::server
