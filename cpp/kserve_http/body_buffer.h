// Collects a request body in one block of the buffer pool, so that a protocol can receive into it,
// simdjson can read JSON in it, and the core can read tensors in it, all without a copy.
#pragma once

#include <cstdint>
#include <memory>

#include "base/buffer_pool.h"
#include "base/bytes.h"
#include "base/status.h"

namespace tfe::kserve_http {

class BodyBuffer {
 public:
  // `expected`: announced size, -1 if unknown. `binary_offset`: where tensors begin in the body;
  // the block is filled so that they lie on a boundary of BufferPool::kAlignment. `limit`: most
  // bytes to take. No memory is taken before the first byte arrives.
  BodyBuffer(std::int64_t expected, std::size_t binary_offset, std::uint64_t limit);

  // Room for the next bytes, at most `wanted`; empty if there is no memory.
  base::MutableBytes room(std::size_t wanted);
  // Adds bytes; those that lie in the room already are not copied. False: `limit` exceeded or no
  // memory, see exceeded().
  bool add(base::Bytes piece);
  bool exceeded() const { return exceeded_; }

  base::Bytes bytes() const;
  std::size_t size() const { return size_; }
  // The block, with at least codec::JsonReader::kPadding readable bytes behind the body. Null if
  // the body was empty.
  base::Owner owner() const { return block_; }

 private:
  bool reserve(std::size_t size);

  std::shared_ptr<base::PooledBuffer> block_;
  std::int64_t expected_;
  std::size_t start_;
  std::size_t size_ = 0;
  std::size_t room_ = 0;  // bytes that fit without reserve()
  std::uint64_t limit_;
  bool exceeded_ = false;
};

}  // namespace tfe::kserve_http
