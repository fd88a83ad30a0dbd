#include "http2/header_block.h"

#include <charconv>

namespace tfe::http2 {
namespace {

// RFC 9113 section 6.5.2.
constexpr std::size_t kFieldOverhead = 32;

void assign_pseudo(http::RequestHead& head, std::string_view name, std::string_view value) {
  if (name == ":method") head.method = value;
  if (name == ":path") head.target = value;
  if (name == ":scheme") head.scheme = value;
  if (name == ":authority") head.authority = value;
}

// nghttp2 has checked that the value is a number that fits.
std::int64_t parse_length(std::string_view text) {
  std::int64_t length = -1;
  std::from_chars(text.data(), text.data() + text.size(), length);
  return length;
}

}  // namespace

void HeaderBlock::reset() {
  text_.clear();
  fields_.clear();
  views_.clear();
  size_ = 0;
}

void HeaderBlock::add(std::string_view name, std::string_view value, std::size_t limit) {
  size_ += name.size() + value.size() + kFieldOverhead;
  if (size_ > limit) return;
  fields_.push_back({text_.size(), name.size(), text_.size() + name.size(), value.size()});
  text_.append(name).append(value);
}

http::RequestHead HeaderBlock::head(bool has_body) {
  http::RequestHead head;
  head.version = 20;
  head.has_body = has_body;
  const std::string_view text = text_;
  views_.clear();
  for (const Field& field : fields_) {
    const std::string_view name = text.substr(field.name_at, field.name_size);
    const std::string_view value = text.substr(field.value_at, field.value_size);
    if (name.starts_with(':')) {
      assign_pseudo(head, name, value);
      continue;
    }
    if (name == "host" && head.authority.empty()) head.authority = value;
    if (name == "content-length") head.content_length = parse_length(value);
    views_.push_back({name, value});
  }
  if (!has_body) head.content_length = 0;
  head.headers = views_;
  return head;
}

}  // namespace tfe::http2
