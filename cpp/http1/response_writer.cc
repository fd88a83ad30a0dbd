#include "http1/response_writer.h"

#include <array>
#include <charconv>

#include "http/status_text.h"

namespace tfe::http1 {
namespace {

void append_number(std::string& out, std::uint64_t value, int base = 10) {
  std::array<char, 20> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, base).ptr;
  out.append(text.data(), end);
}

// Lower-case names of the neutral head in the customary spelling, for readers that compare exactly.
void append_name(std::string& out, std::string_view name) {
  bool upper = true;
  for (const char c : name) {
    out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    upper = c == '-';
  }
}

// A line end inside a value would begin a line of the sender's choice.
void append_value(std::string& out, std::string_view value) {
  for (const char c : value) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  append_name(out, name);
  out += ": ";
  append_value(out, value);
  out += "\r\n";
}

std::string begin_head(const http::ResponseHead& head, const ResponseContext& context,
                       DateSource date, std::size_t reserve) {
  std::string out;
  out.reserve(256 + reserve);
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::uint64_t>(head.status));
  out += ' ';
  out += http::status_text(head.status);
  out += "\r\nDate: ";
  out += date();
  out += "\r\n";
  for (const http::Header& header : head.headers) append_field(out, header.name, header.value);
  if (!context.keep_alive) {
    out += "Connection: close\r\n";
  } else if (context.version == 10) {
    out += "Connection: keep-alive\r\n";
  }
  return out;
}

// RFC 9110 section 8.6: these never have content, hence no length either.
bool has_length(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

void write_response(const http::ResponseHead& head, base::Chain body,
                    const ResponseContext& context, DateSource date, base::Chain& out) {
  const bool with_body = !context.head_request && has_length(head.status);
  const bool merged = with_body && body.size() <= kInlineBody;
  std::string text = begin_head(head, context, date, merged ? body.size() : 0);
  if (has_length(head.status)) {
    text += "Content-Length: ";
    append_number(text, body.size());
    text += "\r\n";
  }
  text += "\r\n";
  if (merged) {
    for (const base::Segment& segment : body.segments()) text += base::as_text(segment.bytes);
  }
  out.append(std::move(text));
  if (with_body && !merged) out.append(std::move(body));
}

bool write_stream_head(const http::ResponseHead& head, const ResponseContext& context,
                       DateSource date, base::Chain& out) {
  const bool chunked = context.version == 11 && has_length(head.status);
  std::string text = begin_head(head, context, date, 0);
  if (chunked) text += "Transfer-Encoding: chunked\r\n";
  text += "\r\n";
  out.append(std::move(text));
  return chunked;
}

void write_chunk(base::Chain piece, base::Chain& out) {
  if (piece.empty()) return;  // a chunk of size zero would end the body
  std::string size;
  append_number(size, piece.size(), 16);
  size += "\r\n";
  const bool merged = piece.size() <= kInlineBody;
  if (!merged) {
    out.append(std::move(size));
    out.append(std::move(piece));
    out.append(base::as_bytes("\r\n"), nullptr);
    return;
  }
  for (const base::Segment& segment : piece.segments()) size += base::as_text(segment.bytes);
  size += "\r\n";
  out.append(std::move(size));
}

void write_last_chunk(const http::Trailers& trailers, base::Chain& out) {
  std::string text = "0\r\n";
  for (const http::Header& trailer : trailers) append_field(text, trailer.name, trailer.value);
  text += "\r\n";
  out.append(std::move(text));
}

}  // namespace tfe::http1
