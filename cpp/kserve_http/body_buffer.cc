#include "kserve_http/body_buffer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "codec/json_reader.h"

namespace tfe::kserve_http {
namespace {

constexpr std::size_t kAlign = base::BufferPool::kAlignment;
// First block of a body of unknown size.
constexpr std::size_t kFirstBlock = 16 * 1024;

}  // namespace

// More than `limit` may be announced, but memory is taken for no more.
BodyBuffer::BodyBuffer(std::int64_t expected, std::size_t binary_offset, std::uint64_t limit)
    : expected_(std::cmp_greater(expected, limit) ? static_cast<std::int64_t>(limit) : expected),
      start_((kAlign - binary_offset % kAlign) % kAlign),
      limit_(limit) {}

bool BodyBuffer::reserve(std::size_t size) {
  if (size <= room_) return true;
  std::size_t room = expected_ >= 0 ? static_cast<std::size_t>(expected_) : 0;
  if (size > room) {
    const auto doubled = static_cast<std::size_t>(std::min<std::uint64_t>(room_ * 2, limit_));
    room = std::max({size, doubled, kFirstBlock});
  }
  auto block = base::BufferPool::global().take_shared(start_ + room + codec::JsonReader::kPadding);
  if (!block) return false;
  if (size_ > 0) std::memcpy(block->data() + start_, block_->data() + start_, size_);
  block_ = std::move(block);
  room_ = room;
  return true;
}

base::MutableBytes BodyBuffer::room(std::size_t wanted) {
  // A body of unknown size grows by pieces that were announced (chunks), doubling its block.
  if (size_ + wanted > limit_ || !reserve(size_ + wanted)) return {};
  return {block_->data() + start_ + size_, wanted};
}

bool BodyBuffer::add(base::Bytes piece) {
  exceeded_ = piece.size() > limit_ - size_;
  if (exceeded_) return false;
  if (piece.empty()) return true;
  const bool in_place = block_ && piece.data() == block_->data() + start_ + size_;
  if (!in_place) {
    if (!reserve(size_ + piece.size())) return false;
    std::memcpy(block_->data() + start_ + size_, piece.data(), piece.size());
  }
  size_ += piece.size();
  return true;
}

base::Bytes BodyBuffer::bytes() const {
  if (!block_) return {};
  return {block_->data() + start_, size_};
}

}  // namespace tfe::kserve_http
