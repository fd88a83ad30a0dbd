#include "base/bytes.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace tfe::base {
namespace {

// Room for segments that an empty chain keeps, 4 KiB: a connection with one large response would
// otherwise hold that much for the rest of its life.
constexpr std::size_t kKeptSegments = 128;

}  // namespace

void Chain::append(std::string text) {
  if (text.empty()) return;
  auto owned = std::make_shared<const std::string>(std::move(text));
  const Bytes bytes = as_bytes(*owned);
  append(bytes, std::move(owned));
}

void Chain::append(Bytes bytes, Owner owner) {
  if (bytes.empty()) return;
  size_ += bytes.size();
  segments_.push_back({bytes, std::move(owner)});
}

void Chain::append(Chain&& tail) {
  size_ += std::exchange(tail.size_, 0);
  segments_.insert(
      segments_.end(),
      std::make_move_iterator(tail.segments_.begin() + static_cast<std::ptrdiff_t>(tail.first_)),
      std::make_move_iterator(tail.segments_.end()));
  tail.segments_.clear();
  tail.first_ = 0;
}

void Chain::consume(std::size_t count) {
  size_ -= count;
  while (count > 0) {
    Segment& segment = segments_[first_];
    const std::size_t taken = std::min(count, segment.bytes.size());
    segment.bytes = segment.bytes.subspan(taken);
    count -= taken;
    if (!segment.bytes.empty()) break;
    segment.owner.reset();
    ++first_;
  }
  if (first_ == segments_.size()) {
    segments_.clear();
    if (segments_.capacity() > kKeptSegments) std::vector<Segment>().swap(segments_);
    first_ = 0;
  } else if (first_ > segments_.size() / 2) {
    segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

Chain Chain::split(std::size_t count) {
  Chain head;
  for (const Segment& segment : segments()) {
    if (head.size_ == count) break;
    const std::size_t taken = std::min(count - head.size_, segment.bytes.size());
    head.append(segment.bytes.first(taken), segment.owner);
  }
  consume(count);
  return head;
}

std::string Chain::to_string() const {
  std::string text;
  text.reserve(size_);
  for (const Segment& segment : segments()) text.append(as_text(segment.bytes));
  return text;
}

}  // namespace tfe::base
