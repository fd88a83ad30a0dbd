#include "triton/outcomes.h"

#include <algorithm>
#include <bit>

namespace tfe::triton {

namespace {

constexpr std::size_t kSteps = 3;  // bits below the highest one that tell buckets apart
constexpr std::uint64_t kStep = std::uint64_t{1} << kSteps;

}  // namespace

std::size_t Outcomes::bucket_of(base::Duration took) {
  const auto count = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
  const auto micros = static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
  if (micros < kStep) return micros;
  const auto shift = static_cast<std::size_t>(std::bit_width(micros)) - kSteps - 1;
  const std::size_t bucket = kStep * (shift + 1) + ((micros >> shift) & (kStep - 1));
  return std::min(bucket, kBuckets - 1);
}

base::Duration Outcomes::bound(std::size_t bucket) {
  if (bucket < kStep) return std::chrono::microseconds(bucket + 1);
  const std::size_t shift = bucket / kStep - 1;
  return std::chrono::microseconds((kStep + bucket % kStep + 1) << shift);
}

Outcomes::Counts Outcomes::counts() const {
  Counts found;
  found.failed = failed_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < kBuckets; ++i) {
    found.succeeded[i] = buckets_[i].load(std::memory_order_relaxed);
  }
  return found;
}

}  // namespace tfe::triton
