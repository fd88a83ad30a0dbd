// Numbers as JSON text, both ways.
//
// Written the way Triton's HTTP frontend does, as clients compare texts: the shortest digits that
// read back to the same double, always with a fraction or an exponent ("1.0"), exponents from 1e21
// up and below 1e-6 without a plus sign, and the bare tokens NaN, Infinity and -Infinity.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tfe::codec {

// The grammar of RFC 8259 section 6.
bool is_json_number(std::string_view text);

// A JSON number, or NaN, Inf, Infinity with an optional minus: what Triton takes for one.
bool is_number_token(std::string_view text);

// The value of a number token, correctly rounded. Empty for anything else and for what lies outside
// the range of a double.
std::optional<double> parse_json_double(std::string_view text);

void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, std::uint64_t value);
void append_json_number(std::string& out, std::int64_t value);

}  // namespace tfe::codec
