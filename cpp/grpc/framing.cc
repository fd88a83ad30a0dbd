#include "grpc/framing.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "grpc/compression.h"
#include "grpc/inflater.h"

namespace tfe::grpc {
namespace {

std::unexpected<Status> too_large(std::size_t size, std::size_t limit) {
  return std::unexpected(Status{Code::kResourceExhausted,
                                "SERVER: Received message larger than max (" +
                                    std::to_string(size) + " vs. " + std::to_string(limit) + ")"});
}

}  // namespace

std::size_t alignment_shift(std::size_t offset) {
  constexpr std::size_t kAlignment = base::BufferPool::kAlignment;
  return (kAlignment - offset % kAlignment) % kAlignment;
}

Status no_memory(std::size_t size) {
  return {Code::kResourceExhausted,
          "No memory for a request message of " + std::to_string(size) +
              " bytes: the requests in flight have used up the server's budget"};
}

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

MessageReader::MessageReader(std::size_t max_size, std::shared_ptr<MemoryBudget> budget,
                             Aligner aligner, std::string encoding)
    : max_size_(max_size),
      budget_(std::move(budget)),
      aligner_(aligner),
      encoding_(std::move(encoding)) {}

MessageReader::~MessageReader() = default;

std::expected<std::optional<Message>, Status> MessageReader::next(base::Bytes& input) {
  while (!input.empty()) {
    if (state_ == State::kBody) {
      if (inflater_) return inflate_body(input);
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
    if (state_ == State::kPrefix) return Message{};
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
  size_ = 0;
  for (std::size_t at = 1; at < kPrefixSize; ++at) {
    size_ = (size_ << 8) | std::to_integer<std::size_t>(prefix_[at]);
  }
  if (size_ > max_size_) return too_large(size_, max_size_);
  filled_ = 0;
  if (flag == 1) return begin_compressed();
  if (size_ > 0) state_ = State::kBody;
  return {};
}

// Judged by the prefix: nothing of a message that cannot be read is waited for.
std::expected<void, Status> MessageReader::begin_compressed() {
  if (auto refusal = refuse_encoding(encoding_)) return std::unexpected(std::move(*refusal));
  inflater_ = std::make_unique<MessageInflater>(*parse_encoding(encoding_), size_, max_size_,
                                                budget_, aligner_);
  state_ = State::kBody;
  if (size_ > 0) return {};
  // No encoding makes anything of nothing.
  return std::unexpected(inflater_->finish().error());
}

std::expected<void, Status> MessageReader::take_memory(base::Bytes head) {
  const std::size_t offset =
      aligner_ != nullptr ? aligner_(head.first(std::min(head.size(), size_))) : 0;
  const std::size_t shift = alignment_shift(offset);
  base::PooledBuffer memory = base::BufferPool::global().take(size_ + shift);
  if (!memory) return std::unexpected(no_memory(size_));
  data_ = memory.data() + shift;
  block_ = std::make_shared<MessageBlock>(std::move(memory), budget_);
  return {};
}

std::expected<std::optional<Message>, Status> MessageReader::read_body(base::Bytes& input) {
  const std::size_t count = std::min(size_ - filled_, input.size());
  if (!block_->charge(count)) return std::unexpected(no_memory(size_));
  std::memcpy(data_ + filled_, input.data(), count);
  filled_ += count;
  input = input.subspan(count);
  if (filled_ < size_) return std::nullopt;
  Message message{{data_, size_}, std::move(block_)};
  block_ = nullptr;
  data_ = nullptr;
  state_ = State::kPrefix;
  return message;
}

std::expected<std::optional<Message>, Status> MessageReader::inflate_body(base::Bytes& input) {
  const std::size_t count = std::min(size_ - filled_, input.size());
  if (auto written = inflater_->write(input.first(count)); !written) {
    return std::unexpected(std::move(written.error()));
  }
  filled_ += count;
  input = input.subspan(count);
  if (filled_ < size_) return std::nullopt;
  auto message = inflater_->finish();
  inflater_ = nullptr;
  state_ = State::kPrefix;
  if (!message) return std::unexpected(std::move(message.error()));
  return std::move(*message);
}

base::Chain frame_message(base::Chain message, bool compressed) {
  const std::size_t size = message.size();
  std::string prefix(kPrefixSize, '\0');
  prefix[0] = compressed ? '\1' : '\0';
  for (std::size_t at = 1; at < kPrefixSize; ++at) {
    prefix[at] = static_cast<char>((size >> (8 * (kPrefixSize - 1 - at))) & 0xFF);
  }
  base::Chain framed = base::Chain::of(std::move(prefix));
  framed.append(std::move(message));
  return framed;
}

}  // namespace tfe::grpc
