#include "triton/index_text.h"

#include <map>

namespace tfe::triton {

namespace {

// Walks over the strings of one flat object; everything between them is punctuation.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // The next object as name -> value; false at the end.
  bool next(std::map<std::string, std::string>* object) {
    object->clear();
    at_ = text_.find('{', at_);
    while (at_ < text_.size() && text_[at_] != '}') {
      std::string key, value;
      if (!string(&key) || !string(&value)) return !object->empty();
      object->emplace(std::move(key), std::move(value));
      at_ = text_.find_first_of("\"}", at_);
    }
    return !object->empty();
  }

 private:
  bool string(std::string* out) {
    at_ = text_.find('"', at_);
    if (at_ == std::string_view::npos) return false;
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\' && ++at_ < text_.size()) {
        c = text_[at_] == 'n' || text_[at_] == 't' ? ' ' : text_[at_];
      }
      out->push_back(c);
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string unavailable_models(std::string_view index_json) {
  std::string text;
  std::map<std::string, std::string> model;
  for (Scanner scanner(index_json); scanner.next(&model);) {
    if (model["reason"].empty() || model["state"] == "READY") continue;
    if (!text.empty()) text += "; ";
    text += "'" + model["name"] + "' version " + model["version"] + ": " + model["reason"];
  }
  return text;
}

}  // namespace tfe::triton
