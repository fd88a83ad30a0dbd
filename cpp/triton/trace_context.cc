#include "triton/trace_context.h"

#include <cstddef>

namespace tfe::triton {

namespace {

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n' ||
                           text.front() == '\r')) {
    text.remove_prefix(1);
  }
}

char unescaped(char c) {
  switch (c) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// The contents of a JSON string up to its closing quote; empty if there is none. \u escapes stand
// for control characters here, which a name is not worth decoding for: they are left out.
std::string read_string(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return result;
    if (text[i] != '\\') {
      result += text[i];
    } else if (++i < text.size()) {
      if (text[i] == 'u') {
        i += 4;
      } else {
        result += unescaped(text[i]);
      }
    }
  }
  return {};
}

}  // namespace

std::string custom_activity_name(std::string_view context, std::uint64_t timestamp_ns) {
  const std::string key = "\"" + std::to_string(timestamp_ns) + "\"";
  const std::size_t at = context.find(key);
  if (at == std::string_view::npos) return {};
  std::string_view rest = context.substr(at + key.size());
  skip_blanks(rest);
  if (!rest.starts_with(':')) return {};
  rest.remove_prefix(1);
  skip_blanks(rest);
  if (!rest.starts_with('"')) return {};
  return read_string(rest.substr(1));
}

}  // namespace tfe::triton
