// The bytes received and not yet used. Small until a head or pipelined requests need more, and
// again when those are used up, as most connections idle most of the time.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/bytes.h"

namespace tfe::http1 {

class InputBuffer {
 public:
  static constexpr std::size_t kInitial = 4096;

  base::Bytes bytes() const { return {data_.get() + begin_, end_ - begin_}; }
  std::string_view text() const { return base::as_text(bytes()); }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }

  // Free space behind the bytes, never empty; moves them to the front or grows when there is none.
  base::MutableBytes space();
  void added(std::size_t count) { end_ += count; }
  // May give the memory back: views of what was consumed are over.
  void consume(std::size_t count);
  // Keeps the memory, for whoever still reads it.
  void clear() { begin_ = end_ = 0; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tfe::http1
