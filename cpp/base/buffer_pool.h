// Memory for tensors: 64-byte aligned blocks in size classes, kept for reuse.
//
// Reason: blocks above a few hundred KiB come from mmap and go back to the kernel on free, so that
// every large request would pay its page faults again. Blocks are taken and given back on different
// threads (received on a loop, freed in a callback of the core), hence one set of free lists for
// the process, striped so that threads seldom meet; no thread ever waits for another one in take().
//
// Contents are not cleared: a block may hold bytes of an earlier request. Write before you read,
// and never send more than you wrote. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace tfe::base {

class BufferPool;

// A block and its use. Movable; gives the block back to the process's pool when destroyed.
class PooledBuffer {
 public:
  PooledBuffer() = default;
  PooledBuffer(PooledBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  PooledBuffer& operator=(PooledBuffer&& other) noexcept;
  PooledBuffer(const PooledBuffer&) = delete;
  PooledBuffer& operator=(const PooledBuffer&) = delete;
  ~PooledBuffer() { reset(); }

  // False after a move, and for a buffer that could not be had for lack of memory.
  explicit operator bool() const { return data_ != nullptr; }
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_; }
  std::span<std::byte> span() { return {data_, size_}; }
  std::span<const std::byte> span() const { return {data_, size_}; }
  // size <= capacity().
  void set_size(std::size_t size) { size_ = size; }
  void reset();

  // Gives up the block without freeing it: BufferPool::give_back(data, size) must follow, with the
  // size that was asked for in take().
  std::byte* release() {
    size_ = capacity_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  friend class BufferPool;
  PooledBuffer(std::byte* data, std::size_t size, std::size_t capacity)
      : data_(data), size_(size), capacity_(capacity) {}

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

class BufferPool {
 public:
  static constexpr std::size_t kAlignment = 64;
  // Unused blocks kept: sixteen tensors of 16 MiB, the size at which the page faults hurt.
  static constexpr std::size_t kDefaultCacheLimit = std::size_t{256} << 20;
  // Larger blocks are never kept, so that one huge request does not empty the cache.
  static constexpr std::size_t kLargestKept = std::size_t{64} << 20;

  // The process's pool; never destroyed, because callbacks of the core may outlive static objects.
  static BufferPool& global();

  // A block of at least `size` bytes (also for 0); false if there is no memory.
  PooledBuffer take(std::size_t size);
  // The same as a shared object; null if there is no memory.
  std::shared_ptr<PooledBuffer> take_shared(std::size_t size);
  // Counterpart of PooledBuffer::release(); any size of the same class will do.
  void give_back(std::byte* data, std::size_t size);

  // Bytes of unused blocks to keep at most; 0 keeps none.
  void set_cache_limit(std::size_t bytes);
  std::size_t cached_bytes() const { return cached_.load(std::memory_order_relaxed); }
  // Frees every unused block.
  void trim();

  // The capacity of a block for `size` bytes: the next of four steps per power of two, so that at
  // most a fifth is unused.
  static std::size_t capacity_for(std::size_t size);

  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

 private:
  static constexpr std::size_t kStripes = 4;
  static constexpr std::size_t kSmallest = 64;
  static constexpr std::size_t kStepsPerOctave = 4;
  // Classes from 64 bytes to kLargestKept.
  static constexpr std::size_t kClasses = 20 * kStepsPerOctave + 1;

  struct alignas(kAlignment) FreeList {
    std::mutex mutex;
    std::vector<std::byte*> blocks;
  };

  BufferPool() = default;
  static std::size_t class_of(std::size_t capacity);
  static std::size_t capacity_of(std::size_t index);
  std::byte* pop(std::size_t index, std::size_t capacity);
  bool reserve_room(std::size_t index, std::size_t capacity);
  bool evict(std::size_t spared, std::size_t bytes);

  std::atomic<std::size_t> cached_ = 0;
  std::atomic<std::size_t> limit_ = kDefaultCacheLimit;
  std::atomic<std::size_t> next_victim_ = 0;
  std::array<std::array<FreeList, kStripes>, kClasses> lists_;
};

}  // namespace tfe::base
