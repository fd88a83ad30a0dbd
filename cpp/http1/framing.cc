#include "http1/framing.h"

#include <string>

#include "http/headers.h"

namespace tfe::http1 {
namespace {

std::optional<Refusal> read_length(std::string_view value, const Limits& limits, Framing& framing) {
  const auto length = http::parse_decimal(value);
  // Digits that overflow are a length, only one beyond every limit.
  const bool digits = !value.empty() && value.find_first_not_of("0123456789") == value.npos;
  if (!length && !digits) {
    return Refusal{400, "invalid Content-Length, expected a decimal number of bytes"};
  }
  if (!length || *length > limits.max_body_bytes) {
    return Refusal{413,
                   "request body larger than " + std::to_string(limits.max_body_bytes) + " bytes"};
  }
  const auto announced = static_cast<std::int64_t>(*length);
  if (framing.content_length >= 0 && framing.content_length != announced) {
    return Refusal{400, "different Content-Length headers in one request"};
  }
  framing.content_length = announced;
  return std::nullopt;
}

std::optional<Refusal> read_coding(std::string_view value, const Head& head, Framing& framing) {
  if (head.version == 10) return Refusal{400, "Transfer-Encoding in an HTTP/1.0 request"};
  if (framing.chunked || value.empty()) return Refusal{400, "malformed Transfer-Encoding"};
  if (!http::iequals(value, "chunked")) {
    return Refusal{501, "unsupported Transfer-Encoding, expected chunked"};
  }
  framing.chunked = true;
  return std::nullopt;
}

// RFC 9110 section 10.1.1 defines one expectation; what else a client counts on will not happen.
std::optional<Refusal> read_expectation(std::string_view value, Framing& framing) {
  std::optional<Refusal> refusal;
  http::for_each_item(value, [&](std::string_view item) {
    if (http::iequals(item, "100-continue")) {
      framing.expects_continue = true;
    } else {
      refusal = Refusal{417, "unknown expectation, expected 100-continue"};
    }
  });
  return refusal;
}

}  // namespace

std::optional<Refusal> read_framing(const Head& head, const Limits& limits, Framing& framing) {
  framing = {};
  bool close = false;
  bool keep = false;
  for (const auto& [name, value] : head.headers) {
    std::optional<Refusal> refusal;
    if (http::iequals(name, "content-length")) {
      refusal = read_length(value, limits, framing);
    } else if (http::iequals(name, "transfer-encoding")) {
      refusal = read_coding(value, head, framing);
    } else if (http::iequals(name, "connection")) {
      close = close || http::has_item(value, "close");
      keep = keep || http::has_item(value, "keep-alive");
    } else if (http::iequals(name, "expect") && head.version == 11) {
      refusal = read_expectation(value, framing);
    }
    if (refusal) return refusal;
  }
  if (framing.chunked && framing.content_length >= 0) {
    return Refusal{400, "both Content-Length and Transfer-Encoding in one request"};
  }
  framing.keep_alive = !close && (head.version == 11 || keep);
  framing.expects_continue = framing.expects_continue && framing.has_body();
  return std::nullopt;
}

}  // namespace tfe::http1
