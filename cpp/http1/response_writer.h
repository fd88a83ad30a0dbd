// Serializes responses (RFC 9112 sections 4, 6 and 7.1): status line, fields, and the body's
// framing by length, by chunks, or, for streams to HTTP/1.0 peers, by closing the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "http/exchange.h"

namespace tfe::http1 {

using DateSource = std::string_view (*)();

// How the response relates to its request.
struct ResponseContext {
  int version = 11;
  bool head_request = false;
  bool keep_alive = true;
};

// Bodies up to this size are copied behind the head into one segment: cheaper than a second one.
inline constexpr std::size_t kInlineBody = 16 * 1024;

// The interim response that lets a client send its body (RFC 9110 section 15.2.1).
inline constexpr std::string_view kContinueText = "HTTP/1.1 100 Continue\r\n\r\n";

// A complete response with its Content-Length.
void write_response(const http::ResponseHead& head, base::Chain body,
                    const ResponseContext& context, DateSource date, base::Chain& out);

// The head of a stream. Returns whether the body is chunked; otherwise the connection's end ends
// it.
bool write_stream_head(const http::ResponseHead& head, const ResponseContext& context,
                       DateSource date, base::Chain& out);
void write_chunk(base::Chain piece, base::Chain& out);
void write_last_chunk(const http::Trailers& trailers, base::Chain& out);

}  // namespace tfe::http1
