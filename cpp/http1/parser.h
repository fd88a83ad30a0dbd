// Parses the head of an HTTP/1.x request: request line and header fields (RFC 9112 sections 2 to
// 5).
//
// Strict where leniency lets two parties see different messages: lines end in CRLF and nothing
// else, no folding, no blank before a colon, no control characters, one blank between the parts of
// the request line. Pure functions over a buffer that the caller keeps; views point into it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.h"
#include "http1/limits.h"

namespace tfe::http1 {

// Why a request is refused: the status of the response and a message without quotes or backslashes,
// so that it can stand in a JSON string as it is.
struct Refusal {
  int status = 400;
  std::string message;
};

// A head whose end is not there yet is checked for what can be known early, so that bytes that are
// not HTTP and endless lines are refused at once.
struct HeadScan {
  std::size_t skip = 0;  // empty lines before the request line, to be dropped (section 2.2)
  std::size_t size = 0;  // of the head with its final empty line, 0 while incomplete
  std::optional<Refusal> refusal;
};
// `seen` bytes from the front were scanned by an earlier call and held no end.
HeadScan scan_head(std::string_view input, std::size_t seen, const Limits& limits);

struct Head {
  std::string_view method;
  std::string_view target;     // origin form: path and query; "*" for OPTIONS *
  std::string_view authority;  // of an absolute target, else of Host
  int version = 11;            // 10 or 11; later minor versions are treated as 11
  std::vector<http::HeaderView> headers;
};

// `text` is a complete head. `head` is reused between requests to keep its table.
std::optional<Refusal> parse_head(std::string_view text, const Limits& limits, Head& head);

}  // namespace tfe::http1
