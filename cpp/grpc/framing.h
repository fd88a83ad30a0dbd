// Length-prefixed messages ("gRPC over HTTP/2"): one flag byte, four bytes of length in network
// order, the message.
//
// A message is received into one buffer of its own, so that tensors in it are handed to the
// inference core as views. The length is judged before memory is taken. Tensors start wherever the
// encoding puts them; an Aligner shifts the buffer so that the big one lands on a 64-byte boundary.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "grpc/memory_budget.h"
#include "grpc/status.h"

namespace tfe::grpc {

inline constexpr std::size_t kPrefixSize = 5;
// The largest message that protobuf can parse.
inline constexpr std::size_t kMaxMessageSize = 2'147'483'647;

struct Message {
  base::Bytes bytes;
  base::Owner owner;  // keeps `bytes`; null for an empty message
};

// Given the first bytes of a message, the offset in it of the data that should be aligned.
using Aligner = std::size_t (*)(base::Bytes head);
// How far a message must be moved up from a block's start for that.
std::size_t alignment_shift(std::size_t offset);

// That the budget, or the machine, has no room for a message of that size.
Status no_memory(std::size_t size);

// The memory of one message, charged to a budget for what has arrived of it.
struct MessageBlock {
  MessageBlock(base::PooledBuffer buffer, std::shared_ptr<MemoryBudget> charged_to)
      : memory(std::move(buffer)), budget(std::move(charged_to)) {}
  MessageBlock(const MessageBlock&) = delete;
  MessageBlock& operator=(const MessageBlock&) = delete;
  ~MessageBlock();
  bool charge(std::size_t count);

  base::PooledBuffer memory;
  std::shared_ptr<MemoryBudget> budget;  // null: unlimited
  std::size_t charged = 0;
};

class MessageInflater;

class MessageReader {
 public:
  // `max_size` is that of a message as sent and of what a compressed one expands to; `encoding` the
  // request's grpc-encoding, which need not be known unless a message uses it.
  MessageReader(std::size_t max_size, std::shared_ptr<MemoryBudget> budget,
                Aligner aligner = nullptr, std::string encoding = {});
  ~MessageReader();
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;

  // Takes bytes off the front of `input` until a message is complete or the input is used up;
  // compressed messages are given inflated. After a failure the reader is done for.
  std::expected<std::optional<Message>, Status> next(base::Bytes& input);
  // True inside a message: the end of the request now would cut it.
  bool partial() const { return state_ == State::kBody || prefix_filled_ > 0; }
  // Bytes that the message being received still lacks; 0 between messages.
  std::size_t missing() const { return state_ == State::kBody ? size_ - filled_ : 0; }

 private:
  //  kPrefix --(5 bytes, length > 0)--> kBody --(length bytes)--> kPrefix
  enum class State : std::uint8_t { kPrefix, kBody };

  std::expected<void, Status> begin_message();
  std::expected<void, Status> begin_compressed();
  std::expected<void, Status> take_memory(base::Bytes head);
  std::expected<std::optional<Message>, Status> read_body(base::Bytes& input);
  std::expected<std::optional<Message>, Status> inflate_body(base::Bytes& input);

  std::size_t max_size_;
  std::shared_ptr<MemoryBudget> budget_;
  Aligner aligner_;
  std::string encoding_;
  State state_ = State::kPrefix;
  std::array<std::byte, kPrefixSize> prefix_{};
  std::size_t prefix_filled_ = 0;
  std::size_t size_ = 0;
  std::size_t filled_ = 0;  // of the message as sent
  std::shared_ptr<MessageBlock> block_;
  std::byte* data_ = nullptr;
  std::unique_ptr<MessageInflater> inflater_;  // while a compressed message is received
};

// Puts the prefix before a message.
base::Chain frame_message(base::Chain message, bool compressed = false);

}  // namespace tfe::grpc
