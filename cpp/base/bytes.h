// Byte ranges and who keeps them alive.
//
// Chain is what travels from an encoder to a socket: a list of segments, each with an owner, so
// that a tensor is sent from the memory that Triton wrote. An owner is dropped when its segment was
// sent (or the connection ended), on whichever thread that happens.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tfe::base {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

using Owner = std::shared_ptr<const void>;

struct Segment {
  Bytes bytes;
  Owner owner;  // may be null for memory that outlives every connection (literals)
};

class Chain {
 public:
  Chain() = default;

  static Chain of(std::string text) {
    Chain chain;
    chain.append(std::move(text));
    return chain;
  }

  // Takes ownership of `text`. Empty text adds nothing.
  void append(std::string text);
  // Refers to memory kept alive by `owner`. Empty ranges add nothing, so no writer meets one.
  void append(Bytes bytes, Owner owner);
  void append(Chain&& tail);

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Valid until the chain changes.
  std::span<const Segment> segments() const { return std::span(segments_).subspan(first_); }

  // Drops the first `count` bytes (count <= size()) and the owners of segments that are used up.
  void consume(std::size_t count);
  // Moves the first `count` bytes (count <= size()) into a chain of their own; owners are shared.
  Chain split(std::size_t count);
  // One contiguous copy; for tests, logs and small messages.
  std::string to_string() const;

 private:
  std::vector<Segment> segments_;
  // Segments before this one are used up. They are erased in bulk: a connection with very many
  // small responses would otherwise move all that wait for each one sent.
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace tfe::base
