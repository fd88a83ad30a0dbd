#include "http1/parser.h"

#include <algorithm>

#include "http/headers.h"

namespace tfe::http1 {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::optional<Refusal> refuse(int status, std::string message) {
  return Refusal{status, std::move(message)};
}

// RFC 9110 section 5.5: visible characters, blanks, tabs and obs-text.
bool is_field_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 ? byte != 0x7f : byte == '\t';
  });
}

bool is_target_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

std::optional<Refusal> parse_version(std::string_view text, int& version) {
  const bool well_formed = text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' &&
                           text[5] >= '0' && text[5] <= '9' && text[7] >= '0' && text[7] <= '9';
  if (!well_formed) return refuse(400, "malformed HTTP version in the request line");
  if (text[5] != '1')
    return refuse(505, "HTTP version not supported, expected HTTP/1.0 or HTTP/1.1");
  version = text[7] == '0' ? 10 : 11;
  return std::nullopt;
}

// RFC 9112 section 3.2. Reduces an absolute target to its origin form.
std::optional<Refusal> parse_target(std::string_view target, Head& head) {
  if (!is_target_text(target)) return refuse(400, "invalid character in the request target");
  if (head.method == "CONNECT") return refuse(501, "method CONNECT is not supported");
  head.target = target;
  if (target.starts_with('/') || (target == "*" && head.method == "OPTIONS")) return std::nullopt;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() <= scheme.size()) continue;
    if (!http::iequals(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    head.authority = target.substr(0, end);
    head.target = target.substr(end);
    if (head.target.empty()) head.target = "/";
    return std::nullopt;
  }
  return refuse(400, "the request target must be a path that starts with a slash");
}

std::optional<Refusal> parse_request_line(std::string_view line, Head& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return refuse(400, "malformed request line, expected: method target version");
  }
  head.method = line.substr(0, first);
  if (!http::is_token(head.method)) return refuse(400, "malformed method in the request line");
  if (auto refusal = parse_version(line.substr(last + 1), head.version)) return refusal;
  return parse_target(line.substr(first + 1, last - first - 1), head);
}

std::optional<Refusal> parse_field(std::string_view line, Head& head) {
  if (line.front() == ' ' || line.front() == '\t') {
    return refuse(400, "folded header lines are not supported");
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return refuse(400, "header line without a colon");
  const std::string_view name = line.substr(0, colon);
  if (!http::is_token(name)) return refuse(400, "invalid character in a header name");
  const std::string_view value = http::trim(line.substr(colon + 1));
  if (!is_field_text(value)) return refuse(400, "invalid character in a header value");
  head.headers.push_back({name, value});
  return std::nullopt;
}

std::optional<Refusal> check_host(const Limits& limits, Head& head) {
  std::optional<std::string_view> host;
  for (const http::HeaderView& header : head.headers) {
    if (!http::iequals(header.name, "host")) continue;
    if (host) return refuse(400, "more than one Host header");
    host = header.value;
  }
  if (!host && limits.require_host && head.version == 11) return refuse(400, "missing Host header");
  if (head.authority.empty() && host) head.authority = *host;
  return std::nullopt;
}

// What an incomplete first line tells already.
std::optional<Refusal> check_partial_line(std::string_view line, const Limits& limits) {
  const std::string_view method = line.substr(0, line.find(' '));
  const bool token = std::all_of(method.begin(), method.end(), http::is_token_char);
  const bool only_method = method.size() == line.size();
  const bool ends_in_cr = !line.empty() && line.back() == '\r';
  if (!token && !(only_method && ends_in_cr)) {
    return refuse(400, "the bytes received are not an HTTP request");
  }
  if (line.size() > limits.max_request_line) {
    return refuse(414,
                  "request line longer than " + std::to_string(limits.max_request_line) + " bytes");
  }
  return std::nullopt;
}

}  // namespace

HeadScan scan_head(std::string_view input, std::size_t seen, const Limits& limits) {
  HeadScan scan;
  while (input.substr(scan.skip).starts_with(kLineEnd)) scan.skip += kLineEnd.size();
  input.remove_prefix(scan.skip);
  if (input.empty() || input == "\r") return scan;

  const std::size_t line_end = input.find('\n');
  scan.refusal = check_partial_line(input.substr(0, line_end), limits);
  if (scan.refusal) return scan;
  const std::size_t from = seen > scan.skip + 3 ? seen - scan.skip - 3 : 0;
  const std::size_t end = input.find("\r\n\r\n", from);
  const std::size_t size = end == std::string_view::npos ? input.size() : end + 4;
  if (size > limits.max_head_bytes) {
    scan.refusal =
        refuse(431, "request head larger than " + std::to_string(limits.max_head_bytes) + " bytes");
  } else if (end != std::string_view::npos) {
    scan.size = size;
  } else if (input.find("\n\n", from) != std::string_view::npos) {
    scan.refusal = refuse(400, "lines of the request head must end in CR LF");
  }
  return scan;
}

std::optional<Refusal> parse_head(std::string_view text, const Limits& limits, Head& head) {
  head.headers.clear();
  head.authority = {};
  text.remove_suffix(kLineEnd.size());
  bool first = true;
  while (!text.empty()) {
    const std::size_t end = text.find(kLineEnd);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + kLineEnd.size());
    auto refusal = first ? parse_request_line(line, head) : parse_field(line, head);
    if (refusal) return refusal;
    first = false;
    if (head.headers.size() > limits.max_header_count) {
      return refuse(431, "more than " + std::to_string(limits.max_header_count) + " header lines");
    }
  }
  return check_host(limits, head);
}

}  // namespace tfe::http1
