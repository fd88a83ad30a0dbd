#include "triton/model_index.h"

#include <optional>

namespace tfe::triton {

namespace {

// Walks over the strings of one object after the other; all between them is punctuation.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<ModelIndexEntry> next() {
    at_ = text_.find('{', at_);
    if (at_ == std::string_view::npos) return std::nullopt;
    ModelIndexEntry entry;
    while (at_ < text_.size() && text_[at_] != '}') {
      const auto key = string();
      const auto value = key ? string() : std::nullopt;
      if (!value) return std::nullopt;
      if (std::string* member = member_of(entry, *key)) *member = *value;
      at_ = text_.find_first_of("\"}", at_);
    }
    return entry;
  }

 private:
  static std::string* member_of(ModelIndexEntry& entry, std::string_view key) {
    if (key == "name") return &entry.name;
    if (key == "version") return &entry.version;
    if (key == "state") return &entry.state;
    if (key == "reason") return &entry.reason;
    return nullptr;
  }

  std::optional<std::string> string() {
    at_ = text_.find('"', at_);
    if (at_ == std::string_view::npos) return std::nullopt;
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return value;
      }
      if (c == '\\' && ++at_ < text_.size()) {
        // Good enough for a message: what stands for a blank becomes one.
        c = text_[at_] == 'n' || text_[at_] == 't' ? ' ' : text_[at_];
      }
      value.push_back(c);
    }
    return std::nullopt;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<ModelIndexEntry> parse_model_index(std::string_view json) {
  std::vector<ModelIndexEntry> entries;
  Scanner scanner(json);
  while (auto entry = scanner.next()) entries.push_back(std::move(*entry));
  return entries;
}

}  // namespace tfe::triton
