#include "cloud/ensemble_config.h"

#include <algorithm>
#include <optional>

namespace tfe::cloud {
namespace {

// A word, the content of a quoted string, or one other character. A view into the text.
struct Token {
  std::string_view text;
  bool quoted = false;

  bool is(std::string_view word) const { return !quoted && text == word; }
};

// Splits a text into tokens; drops comments and blanks.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : rest_(text) {}

  std::optional<Token> next() {
    skip_blanks();
    if (rest_.empty()) return std::nullopt;
    if (rest_.front() == '"' || rest_.front() == '\'') return quoted(rest_.front());
    const auto end = std::ranges::find_if_not(rest_, is_word_char);
    return Token{take(std::max<std::size_t>(static_cast<std::size_t>(end - rest_.begin()), 1))};
  }

 private:
  static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  }

  std::string_view take(std::size_t size) {
    const std::string_view token = rest_.substr(0, size);
    rest_.remove_prefix(token.size());
    return token;
  }

  void skip_blanks() {
    constexpr std::string_view kBlanks = " \t\n\v\f\r";
    for (;;) {
      take(rest_.find_first_not_of(kBlanks));
      if (!rest_.starts_with('#')) return;
      take(rest_.find('\n'));
    }
  }

  Token quoted(char quote) {
    std::size_t size = 1;
    while (size < rest_.size() && rest_[size] != quote) size += rest_[size] == '\\' ? 2U : 1U;
    const std::string_view content = take(size).substr(1);
    take(1);
    return {content, true};
  }

  std::string_view rest_;
};

bool opens(const Token& token) { return token.is("{") || token.is("[") || token.is("<"); }
bool closes(const Token& token) { return token.is("}") || token.is("]") || token.is(">"); }

}  // namespace

bool is_ensemble_config(std::string_view text) {
  Tokens tokens(text);
  int depth = 0;
  Token before;
  Token last;
  while (const auto token = tokens.next()) {
    if (opens(*token)) ++depth;
    if (closes(*token)) --depth;
    const bool is_platform = before.is("platform") && last.is(":") && token->quoted;
    if (depth == 0 && is_platform && token->text == "ensemble") return true;
    if (depth == 0 && token->is("ensemble_scheduling")) return true;
    before = last;
    last = *token;
  }
  return false;
}

}  // namespace tfe::cloud
