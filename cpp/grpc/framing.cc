#include "grpc/framing.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace tfe::grpc {
namespace {

std::unexpected<Status> too_large(std::size_t size, std::size_t limit) {
  return std::unexpected(Status{Code::kResourceExhausted,
                                "SERVER: Received message larger than max (" +
                                    std::to_string(size) + " vs. " + std::to_string(limit) + ")"});
}

std::unexpected<Status> no_memory(std::size_t size) {
  return std::unexpected(
      Status{Code::kResourceExhausted,
             "No memory for a request message of " + std::to_string(size) +
                 " bytes: the requests in flight have used up the server's budget"});
}

}  // namespace

MessageBlock::~MessageBlock() {
  if (budget && charged > 0) budget->give_back(charged);
}

// Announced bytes cost nothing: the memory of a large block is the kernel's until it is written to,
// and a client that only announces would otherwise take the budget from all others.
bool MessageBlock::charge(std::size_t count) {
  if (!budget) return true;
  if (!budget->take(count)) return false;
  charged += count;
  return true;
}

std::expected<std::optional<Message>, Status> MessageReader::next(base::Bytes& input) {
  while (!input.empty()) {
    if (state_ == State::kBody) {
      if (data_ == nullptr) {
        if (auto taken = take_memory(input); !taken) return std::unexpected(taken.error());
      }
      return read_body(input);
    }
    const std::size_t count = std::min(kPrefixSize - prefix_filled_, input.size());
    std::memcpy(prefix_.data() + prefix_filled_, input.data(), count);
    prefix_filled_ += count;
    input = input.subspan(count);
    if (prefix_filled_ < kPrefixSize) break;
    if (auto begun = begin_message(); !begun) return std::unexpected(begun.error());
    if (state_ == State::kPrefix) return Message{{}, nullptr, compressed_};
  }
  return std::nullopt;
}

std::expected<void, Status> MessageReader::begin_message() {
  prefix_filled_ = 0;
  const auto flag = std::to_integer<std::uint8_t>(prefix_[0]);
  if (flag > 1) {
    return std::unexpected(Status{
        Code::kInternal, "Invalid message flag " + std::to_string(flag) + ", expected 0 or 1"});
  }
  compressed_ = flag == 1;
  size_ = 0;
  for (std::size_t at = 1; at < kPrefixSize; ++at) {
    size_ = (size_ << 8) | std::to_integer<std::size_t>(prefix_[at]);
  }
  if (size_ > max_size_) return too_large(size_, max_size_);
  if (size_ > 0) state_ = State::kBody;
  return {};
}

std::expected<void, Status> MessageReader::take_memory(base::Bytes head) {
  const std::size_t offset =
      aligner_ != nullptr ? aligner_(head.first(std::min(head.size(), size_))) : 0;
  constexpr std::size_t kAlignment = base::BufferPool::kAlignment;
  const std::size_t shift = (kAlignment - offset % kAlignment) % kAlignment;
  base::PooledBuffer memory = base::BufferPool::global().take(size_ + shift);
  if (!memory) return no_memory(size_);
  data_ = memory.data() + shift;
  block_ = std::make_shared<MessageBlock>(std::move(memory), budget_);
  filled_ = 0;
  return {};
}

std::expected<std::optional<Message>, Status> MessageReader::read_body(base::Bytes& input) {
  const std::size_t count = std::min(size_ - filled_, input.size());
  if (!block_->charge(count)) return no_memory(size_);
  std::memcpy(data_ + filled_, input.data(), count);
  filled_ += count;
  input = input.subspan(count);
  if (filled_ < size_) return std::nullopt;
  Message message{{data_, size_}, std::move(block_), compressed_};
  block_ = nullptr;
  data_ = nullptr;
  state_ = State::kPrefix;
  return message;
}

base::Chain frame_message(base::Chain message) {
  const std::size_t size = message.size();
  std::string prefix(kPrefixSize, '\0');
  for (std::size_t at = 1; at < kPrefixSize; ++at) {
    prefix[at] = static_cast<char>((size >> (8 * (kPrefixSize - 1 - at))) & 0xFF);
  }
  base::Chain framed = base::Chain::of(std::move(prefix));
  framed.append(std::move(message));
  return framed;
}

}  // namespace tfe::grpc
