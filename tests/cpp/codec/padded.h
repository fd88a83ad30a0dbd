// JSON text with the readable bytes behind it that codec::JsonReader asks for.
#pragma once

#include <string>
#include <string_view>

#include "codec/json_reader.h"

namespace tfe::codec {

class Padded {
 public:
  // `filler` lies where a parser must not look: binary tensors, in requests.
  explicit Padded(std::string_view text, char filler = ']')
      : size_(text.size()), bytes_(std::string(text) + std::string(JsonReader::kPadding, filler)) {}

  std::string_view view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::size_t size_;
  std::string bytes_;
};

}  // namespace tfe::codec
