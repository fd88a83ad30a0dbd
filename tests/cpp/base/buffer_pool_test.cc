#include "base/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <thread>
#include <vector>

namespace tfe::base {
namespace {

class BufferPoolTest : public ::testing::Test {
 protected:
  BufferPoolTest() { restore(); }
  ~BufferPoolTest() override { restore(); }

  BufferPool& pool_ = BufferPool::global();

 private:
  void restore() {
    pool_.trim();
    pool_.set_cache_limit(BufferPool::kDefaultCacheLimit);
  }
};

TEST_F(BufferPoolTest, BlocksAreAlignedAndLargeEnough) {
  for (std::size_t size : {0UL, 1UL, 63UL, 64UL, 65UL, 100UL, 4096UL, 4097UL, 1UL << 20}) {
    PooledBuffer buffer = pool_.take(size);
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_GE(buffer.capacity(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % BufferPool::kAlignment, 0U);
    std::memset(buffer.data(), 0xab, buffer.capacity());
  }
}

TEST_F(BufferPoolTest, CapacityWastesAtMostAFifth) {
  for (std::size_t size = 65; size < 100'000; ++size) {
    const std::size_t capacity = BufferPool::capacity_for(size);
    ASSERT_GE(capacity, size);
    ASSERT_LE(capacity - size, capacity / 5 + 1) << size;
    ASSERT_EQ(BufferPool::capacity_for(capacity), capacity);
  }
}

TEST_F(BufferPoolTest, BlocksAreUsedAgain) {
  for (const std::size_t size : {std::size_t{100}, BufferPool::kLargestKept}) {
    std::byte* first = pool_.take(size).data();
    EXPECT_EQ(pool_.cached_bytes(), BufferPool::capacity_for(size));
    PooledBuffer again = pool_.take(size - 1);
    EXPECT_EQ(again.data(), first);
    EXPECT_EQ(pool_.cached_bytes(), 0U);
    again.reset();
    pool_.trim();
  }
}

TEST_F(BufferPoolTest, ABlockGivenBackOnAnotherThreadIsUsedAgain) {
  PooledBuffer buffer = pool_.take(1000);
  std::byte* data = buffer.data();
  std::thread([moved = std::move(buffer)]() mutable { moved.reset(); }).join();
  EXPECT_EQ(pool_.take(1000).data(), data);
}

TEST_F(BufferPoolTest, OwnershipMoves) {
  PooledBuffer first = pool_.take(10);
  std::byte* data = first.data();
  PooledBuffer second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT: the state after a move is part of the contract
  EXPECT_EQ(second.data(), data);
  second = pool_.take(5000);
  EXPECT_EQ(second.size(), 5000U);
  EXPECT_EQ(pool_.take(10).data(), data);
}

TEST_F(BufferPoolTest, ReleasedBlocksComeBackByHand) {
  PooledBuffer buffer = pool_.take(1000);
  std::byte* data = buffer.release();
  EXPECT_FALSE(buffer);
  EXPECT_EQ(pool_.cached_bytes(), 0U);
  pool_.give_back(data, 1000);
  EXPECT_EQ(pool_.take(1000).data(), data);
  pool_.give_back(nullptr, 1000);
}

TEST_F(BufferPoolTest, TheCacheIsBounded) {
  pool_.set_cache_limit(10'000);
  {
    std::vector<PooledBuffer> buffers;
    for (int i = 0; i < 20; ++i) buffers.push_back(pool_.take(1024));
  }
  EXPECT_LE(pool_.cached_bytes(), 10'000U);
  EXPECT_GE(pool_.cached_bytes(), 9U * 1024U);
  pool_.set_cache_limit(2048);
  EXPECT_LE(pool_.cached_bytes(), 2048U);
  pool_.set_cache_limit(0);
  pool_.take(64).reset();
  EXPECT_EQ(pool_.cached_bytes(), 0U);
}

TEST_F(BufferPoolTest, NewSizesDriveOutOldOnes) {
  pool_.set_cache_limit(100'000);
  {
    std::vector<PooledBuffer> old;
    for (int i = 0; i < 50; ++i) old.push_back(pool_.take(2048));
  }
  std::byte* data = pool_.take(50'000).data();
  EXPECT_LE(pool_.cached_bytes(), 100'000U);
  EXPECT_EQ(pool_.take(50'000).data(), data);
}

TEST_F(BufferPoolTest, HugeBlocksAreNotKept) {
  pool_.take(BufferPool::kLargestKept + 1).reset();
  EXPECT_EQ(pool_.cached_bytes(), 0U);
}

TEST_F(BufferPoolTest, ImpossibleSizesAreRefused) {
  // Not a size that the allocator might be asked to try under a sanitizer.
  EXPECT_FALSE(pool_.take(std::numeric_limits<std::size_t>::max()));
  EXPECT_EQ(pool_.take_shared(std::numeric_limits<std::size_t>::max()), nullptr);
}

TEST_F(BufferPoolTest, SharedBuffersGoBackWithTheLastOwner) {
  auto shared = pool_.take_shared(3000);
  std::byte* data = shared->data();
  std::shared_ptr<const void> owner = shared;
  shared.reset();
  EXPECT_EQ(pool_.cached_bytes(), 0U);
  owner.reset();
  EXPECT_EQ(pool_.take(3000).data(), data);
}

TEST_F(BufferPoolTest, ManyThreadsNeverShareABlock) {
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (std::size_t i = 0; i < 2000; ++i) {
        PooledBuffer buffer = pool_.take(1 + i % 500);
        const int mark = static_cast<int>(t + 1);
        std::memset(buffer.data(), mark, buffer.size());
        std::this_thread::yield();
        for (const std::byte byte : buffer.span()) ASSERT_EQ(std::to_integer<int>(byte), mark);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace tfe::base
