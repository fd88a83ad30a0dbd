#include "http1/input_buffer.h"

#include <algorithm>
#include <cstring>

namespace tfe::http1 {

base::MutableBytes InputBuffer::space() {
  // Less than a quarter free at the end: use what was consumed at the front, else grow.
  if (capacity_ - end_ < capacity_ / 4 + 1) {
    if (begin_ > 0) {
      std::memmove(data_.get(), data_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    if (capacity_ - end_ < capacity_ / 4 + 1) {
      const std::size_t grown = std::max(kInitial, capacity_ * 2);
      auto data = std::make_unique_for_overwrite<std::byte[]>(grown);
      if (end_ > 0) std::memcpy(data.get(), data_.get(), end_);
      data_ = std::move(data);
      capacity_ = grown;
    }
  }
  return {data_.get() + end_, capacity_ - end_};
}

void InputBuffer::consume(std::size_t count) {
  begin_ += count;
  if (begin_ < end_) return;
  begin_ = end_ = 0;
  if (capacity_ <= kInitial) return;
  data_.reset();
  capacity_ = 0;
}

}  // namespace tfe::http1
