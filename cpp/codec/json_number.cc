#include "codec/json_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace tfe::codec {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Drops leading digits; whether there were any.
bool skip_digits(std::string_view& text) {
  const std::size_t before = text.size();
  while (!text.empty() && is_digit(text.front())) text.remove_prefix(1);
  return text.size() < before;
}

// `digits` without a point, of which `point` stand before it (may be negative or beyond the end).
void append_fixed_or_exponent(std::string& out, std::string_view digits, int point) {
  const int count = static_cast<int>(digits.size());
  if (count <= point && point <= 21) {
    out.append(digits);
    out.append(static_cast<std::size_t>(point - count), '0');
    out += ".0";
  } else if (0 < point && point <= 21) {
    out.append(digits.substr(0, static_cast<std::size_t>(point)));
    out += '.';
    out.append(digits.substr(static_cast<std::size_t>(point)));
  } else if (-6 < point && point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out.append(digits);
  } else {
    out += digits.front();
    if (count > 1) {
      out += '.';
      out.append(digits.substr(1));
    }
    out += 'e';
    append_json_number(out, static_cast<std::int64_t>(point - 1));
  }
}

}  // namespace

bool is_json_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with('0')) {
    text.remove_prefix(1);
  } else if (!skip_digits(text)) {
    return false;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!skip_digits(text)) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (!skip_digits(text)) return false;
  }
  return text.empty();
}

bool is_number_token(std::string_view text) {
  if (is_json_number(text)) return true;
  if (text.starts_with('-')) text.remove_prefix(1);
  return text == "NaN" || text == "Inf" || text == "Infinity";
}

std::optional<double> parse_json_double(std::string_view text) {
  if (!is_number_token(text)) return std::nullopt;
  double value = 0;
  if (text.ends_with('N')) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (text.ends_with('f') || text.ends_with('y')) {
    value = std::numeric_limits<double>::infinity();
  } else {
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc()) return std::nullopt;
    return value;
  }
  return text.starts_with('-') ? -value : value;
}

void append_json_number(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::signbit(value)) {
    out += '-';
    value = -value;
  }
  if (std::isinf(value)) {
    out += "Infinity";
    return;
  }
  std::array<char, 32> text{};
  // Integers are the common case, and every one below 2^53 is exact.
  if (value < 9007199254740992.0 && value == std::floor(value)) {
    append_json_number(out, static_cast<std::uint64_t>(value));
    out += ".0";
    return;
  }
  const char* end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific)
          .ptr;
  // d[.ddd]e[+-]xx
  const std::string_view all(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t mark = std::min(all.find('e'), all.size());
  std::string_view exponent_text = all.substr(mark).substr(1);
  if (exponent_text.starts_with('+')) exponent_text.remove_prefix(1);
  int exponent = 0;
  std::from_chars(exponent_text.data(), end, exponent);
  std::array<char, 32> digits{};
  std::size_t count = 0;
  for (const char c : all.substr(0, mark)) {
    if (c != '.') digits[count++] = c;
  }
  append_fixed_or_exponent(out, {digits.data(), count}, exponent + 1);
}

void append_json_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

void append_json_number(std::string& out, std::int64_t value) {
  std::array<char, 20> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

}  // namespace tfe::codec
