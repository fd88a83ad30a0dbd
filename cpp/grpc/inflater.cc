#include "grpc/inflater.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace tfe::grpc {
namespace {

// Text and sparse tensors shrink to about a quarter; a wrong guess costs a copy.
constexpr std::size_t kUsualRatio = 4;
constexpr std::size_t kSmallest = 4U << 10;

}  // namespace

MessageInflater::MessageInflater(http::Coding coding, std::size_t wire_size, std::size_t limit,
                                 std::shared_ptr<MemoryBudget> budget, Aligner aligner)
    : limit_(limit),
      // The length is only announced, and memory is taken for what has come: at most a megabyte.
      first_size_(std::clamp(std::min(wire_size, kSmallest << 6) * kUsualRatio, kSmallest,
                             std::max(limit, kSmallest))),
      budget_(std::move(budget)),
      aligner_(aligner),
      decoder_({coding}, limit, *this) {}

std::expected<void, Status> MessageInflater::write(base::Bytes piece) {
  auto status = decoder_.write(piece);
  if (!status) return std::unexpected(failure(status.error()));
  if (over_budget_) return std::unexpected(no_memory(filled_));
  return {};
}

std::expected<Message, Status> MessageInflater::finish() {
  if (auto status = decoder_.finish(); !status) return std::unexpected(failure(status.error()));
  return Message{{data_, filled_}, std::move(block_)};
}

Status MessageInflater::failure(const base::Error& error) const {
  if (decoder_.exceeded()) {
    return {Code::kResourceExhausted,
            "SERVER: Decompressed message larger than max (" + std::to_string(limit_) + ")"};
  }
  if (error.code == base::Code::kResourceExhausted) return no_memory(filled_);
  return {Code::kInternal, "Decompression failed due to zlib error"};
}

base::MutableBytes MessageInflater::room() {
  if (over_budget_ || (filled_ == capacity_ && !grow())) return {};
  return {data_ + filled_, capacity_ - filled_};
}

void MessageInflater::filled(std::size_t count) {
  filled_ += count;
  over_budget_ = !block_->charge(count);
}

// The block that replaces the first one is aligned as an uncompressed message would be: by then the
// head of the message is known.
bool MessageInflater::grow() {
  const std::size_t size =
      capacity_ == 0 ? first_size_ : std::min(capacity_ * 2, std::max(limit_, kSmallest));
  const std::size_t shift =
      filled_ > 0 && aligner_ != nullptr ? alignment_shift(aligner_({data_, filled_})) : 0;
  base::PooledBuffer memory = base::BufferPool::global().take(size + shift);
  if (!memory) return false;
  std::byte* data = memory.data() + shift;
  if (filled_ > 0) std::memcpy(data, data_, filled_);
  auto block = std::make_shared<MessageBlock>(std::move(memory), budget_);
  if (block_) block->charged = std::exchange(block_->charged, 0);
  block_ = std::move(block);
  data_ = data;
  capacity_ = size;
  return true;
}

}  // namespace tfe::grpc
