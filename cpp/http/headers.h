// Header fields as text: case-insensitive names, comma lists, numbers. RFC 9110 section 5.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/exchange.h"

namespace tfe::http {

// ASCII case-insensitive equality; field names and connection options are ASCII.
bool iequals(std::string_view a, std::string_view b);

// A token character of RFC 9110 section 5.6.2.
bool is_token_char(char c);
bool is_token(std::string_view text);

// Without leading and trailing blanks and tabs (OWS).
std::string_view trim(std::string_view text);

// The first field of that name.
std::optional<std::string_view> find_header(std::span<const HeaderView> headers,
                                            std::string_view name);

// Calls `each(item)` for every non-empty, trimmed item of a comma list.
template <typename Each>
void for_each_item(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view item = trim(list.substr(0, comma));
    if (!item.empty()) each(item);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// Whether a comma list holds the token, in any case.
bool has_item(std::string_view list, std::string_view token);

// Digits only, no sign, no blanks; empty when there is anything else or it does not fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// What C's stoi accepts, as clients of Triton rely on: leading white space, a sign, digits, and any
// text behind them.
enum class LenientError : std::uint8_t { kNone, kNotANumber, kOutOfRange };
struct LenientInt32 {
  std::int32_t value = 0;
  LenientError error = LenientError::kNone;
};
LenientInt32 parse_lenient_int32(std::string_view text);

}  // namespace tfe::http
