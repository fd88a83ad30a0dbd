#include "base/buffer_pool.h"

#include <bit>
#include <cstdlib>
#include <limits>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

namespace tfe::base {

namespace {

// Threads are spread over the stripes in the order in which they first come.
std::size_t thread_stripe() {
  static std::atomic<std::size_t> next = 0;
  thread_local const std::size_t stripe = next.fetch_add(1, std::memory_order_relaxed);
  return stripe;
}

void free_block(std::byte* block, std::size_t capacity) {
  ASAN_UNPOISON_MEMORY_REGION(block, capacity);
  std::free(block);
}

}  // namespace

PooledBuffer& PooledBuffer::operator=(PooledBuffer&& other) noexcept {
  if (this != &other) {
    reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
  }
  return *this;
}

void PooledBuffer::reset() {
  if (!data_) return;
  const std::size_t capacity = capacity_;
  BufferPool::global().give_back(release(), capacity);
}

BufferPool& BufferPool::global() {
  static BufferPool* const pool = new BufferPool;
  return *pool;
}

std::size_t BufferPool::capacity_for(std::size_t size) {
  if (size <= kSmallest) return kSmallest;
  // Near the top there is no next step; nothing of that size can be allocated anyway.
  if (size > std::numeric_limits<std::size_t>::max() / 4) return size;
  const std::size_t octave = std::bit_floor(size - 1);
  const std::size_t step = octave / kStepsPerOctave;
  return (size + step - 1) / step * step;
}

std::size_t BufferPool::class_of(std::size_t capacity) {
  if (capacity <= kSmallest) return 0;
  const std::size_t octave = std::bit_floor(capacity - 1);
  const auto level = static_cast<std::size_t>(std::countr_zero(octave / kSmallest));
  const std::size_t quarter = (capacity - octave) / (octave / kStepsPerOctave);
  return level * kStepsPerOctave + quarter;
}

std::size_t BufferPool::capacity_of(std::size_t index) {
  const std::size_t octave = kSmallest << (index / kStepsPerOctave);
  return octave + (index % kStepsPerOctave) * (octave / kStepsPerOctave);
}

PooledBuffer BufferPool::take(std::size_t size) {
  const std::size_t capacity = capacity_for(size);
  if (capacity <= kLargestKept) {
    if (std::byte* block = pop(class_of(capacity), capacity)) return {block, size, capacity};
  }
  // Capacities are multiples of 16; aligned_alloc asks for multiples of the alignment.
  const std::size_t rounded = (capacity + kAlignment - 1) / kAlignment * kAlignment;
  if (rounded < capacity) return {};
  auto* block = static_cast<std::byte*>(std::aligned_alloc(kAlignment, rounded));
  return block ? PooledBuffer(block, size, capacity) : PooledBuffer();
}

std::shared_ptr<PooledBuffer> BufferPool::take_shared(std::size_t size) {
  PooledBuffer buffer = take(size);
  return buffer ? std::make_shared<PooledBuffer>(std::move(buffer)) : nullptr;
}

std::byte* BufferPool::pop(std::size_t index, std::size_t capacity) {
  const std::size_t first = thread_stripe();
  for (std::size_t i = 0; i < kStripes; ++i) {
    FreeList& list = lists_[index][(first + i) % kStripes];
    std::unique_lock lock(list.mutex, std::try_to_lock);
    if (!lock || list.blocks.empty()) continue;
    std::byte* block = list.blocks.back();
    list.blocks.pop_back();
    cached_.fetch_sub(capacity, std::memory_order_relaxed);
    ASAN_UNPOISON_MEMORY_REGION(block, capacity);
    return block;
  }
  return nullptr;
}

void BufferPool::give_back(std::byte* data, std::size_t size) {
  if (!data) return;
  const std::size_t capacity = capacity_for(size);
  if (capacity > kLargestKept) return free_block(data, capacity);
  const std::size_t index = class_of(capacity);
  if (!reserve_room(index, capacity)) return free_block(data, capacity);

  ASAN_POISON_MEMORY_REGION(data, capacity);
  const std::size_t first = thread_stripe();
  for (std::size_t i = 0; i < kStripes; ++i) {
    FreeList& list = lists_[index][(first + i) % kStripes];
    std::unique_lock lock(list.mutex, std::try_to_lock);
    if (!lock) continue;
    list.blocks.push_back(data);
    return;
  }
  FreeList& list = lists_[index][first % kStripes];
  std::lock_guard lock(list.mutex);
  list.blocks.push_back(data);
}

// Counts `capacity` as cached, making room at the cost of other sizes: a cache full of sizes that
// nobody asks for any more must not keep out those in use.
bool BufferPool::reserve_room(std::size_t index, std::size_t capacity) {
  const std::size_t limit = limit_.load(std::memory_order_relaxed);
  if (capacity > limit) return false;
  const std::size_t before = cached_.fetch_add(capacity, std::memory_order_relaxed);
  if (before + capacity <= limit || evict(index, before + capacity - limit)) return true;
  cached_.fetch_sub(capacity, std::memory_order_relaxed);
  return false;
}

bool BufferPool::evict(std::size_t spared, std::size_t bytes) {
  std::size_t freed = 0;
  const std::size_t start = next_victim_.fetch_add(1, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kClasses * kStripes && freed < bytes; ++i) {
    const std::size_t index = (start + i / kStripes) % kClasses;
    if (index == spared) continue;
    FreeList& list = lists_[index][i % kStripes];
    std::unique_lock lock(list.mutex, std::try_to_lock);
    if (!lock) continue;
    const std::size_t capacity = capacity_of(index);
    while (!list.blocks.empty() && freed < bytes) {
      free_block(list.blocks.back(), capacity);
      list.blocks.pop_back();
      freed += capacity;
      cached_.fetch_sub(capacity, std::memory_order_relaxed);
    }
  }
  return freed >= bytes;
}

void BufferPool::set_cache_limit(std::size_t bytes) {
  limit_.store(bytes, std::memory_order_relaxed);
  const std::size_t cached = cached_bytes();
  if (cached > bytes) evict(kClasses, cached - bytes);
}

void BufferPool::trim() { evict(kClasses, std::numeric_limits<std::size_t>::max()); }

}  // namespace tfe::base
