// Small things about text.
#pragma once

#include <string_view>

namespace tfe::base {

// The blanks of the C locale, which strtol() skips.
inline constexpr std::string_view kBlanks = " \t\n\v\f\r";

// Without the blanks around it.
inline std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace tfe::base
