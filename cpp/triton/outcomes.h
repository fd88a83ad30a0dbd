// How the inferences of a server ended and how long those that succeeded took: counters and a
// histogram whose buckets are at most an eighth of their value wide. What was cancelled is neither.
//
// Any thread, no lock: two relaxed additions for each inference.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace tfe::triton {

class Outcomes {
 public:
  // Eight for each power of two microseconds; the last one takes all from an hour on.
  static constexpr std::size_t kBuckets = 240;
  using Buckets = std::array<std::uint64_t, kBuckets>;

  struct Counts {
    std::uint64_t failed = 0;
    Buckets succeeded{};
  };

  void succeeded(base::Duration took) {
    buckets_[bucket_of(took)].fetch_add(1, std::memory_order_relaxed);
  }
  void failed() { failed_.fetch_add(1, std::memory_order_relaxed); }
  // Not of one moment if inferences end meanwhile.
  Counts counts() const;

  static std::size_t bucket_of(base::Duration took);
  // What all durations of the bucket are below, but for the last.
  static base::Duration bound(std::size_t bucket);

 private:
  std::atomic<std::uint64_t> failed_ = 0;
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
};

}  // namespace tfe::triton
