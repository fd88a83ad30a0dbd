// Where a request's body ends and whether the connection survives it (RFC 9112 sections 6 and 9.3).
//
// Content-Length together with Transfer-Encoding, or two different lengths, is how requests are
// smuggled past proxies: both are refused, and the connection is closed.
#pragma once

#include <cstdint>
#include <optional>

#include "http1/limits.h"
#include "http1/parser.h"

namespace tfe::http1 {

struct Framing {
  bool chunked = false;
  std::int64_t content_length = -1;  // -1: not announced
  bool keep_alive = true;
  bool expects_continue = false;

  bool has_body() const { return chunked || content_length > 0; }
};

std::optional<Refusal> read_framing(const Head& head, const Limits& limits, Framing& framing);

}  // namespace tfe::http1
