// The header block being received. One per connection: blocks of different streams cannot
// interleave (RFC 9113 section 4.3), so its memory is reused for every request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.h"

namespace tfe::http2 {

class HeaderBlock {
 public:
  void reset();
  // Keeps copies while the block is within `limit`; beyond it only counts.
  void add(std::string_view name, std::string_view value, std::size_t limit);

  // Name + value + 32 of every field so far.
  std::size_t size() const { return size_; }
  // Views into this block, valid until reset().
  http::RequestHead head(bool has_body);

 private:
  struct Field {
    std::size_t name_at, name_size, value_at, value_size;
  };

  std::string text_;
  std::vector<Field> fields_;
  std::vector<http::HeaderView> views_;
  std::size_t size_ = 0;
};

}  // namespace tfe::http2
