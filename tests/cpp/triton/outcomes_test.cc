#include "triton/outcomes.h"

#include <gtest/gtest.h>

#include <memory>

#include "triton/core_fixture.h"
#include "triton/inference.h"
#include "triton/server.h"

namespace tfe::triton {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using tfe::testing::make_float_request;
using tfe::testing::Recorder;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

std::uint64_t sum(const Outcomes::Counts& counts) {
  std::uint64_t total = 0;
  for (const auto count : counts.succeeded) total += count;
  return total;
}

TEST(OutcomesTest, EveryDurationIsBelowTheBoundOfItsBucketAndNotBelowTheOneBefore) {
  for (std::uint64_t micros = 0; micros < 3'000'000'000; micros += 1 + micros / 50) {
    const auto took = microseconds(micros);
    const std::size_t bucket = Outcomes::bucket_of(took);
    ASSERT_LT(bucket, Outcomes::kBuckets);
    ASSERT_LT(took, Outcomes::bound(bucket)) << micros;
    if (bucket > 0) {
      ASSERT_GE(took, Outcomes::bound(bucket - 1)) << micros;
    }
  }
}

TEST(OutcomesTest, WhatFitsNowhereIsInTheFirstOrLast) {
  EXPECT_EQ(Outcomes::bucket_of(nanoseconds(-5)), 0U);
  EXPECT_EQ(Outcomes::bucket_of(nanoseconds(999)), 0U);
  EXPECT_EQ(Outcomes::bucket_of(hours(100)), Outcomes::kBuckets - 1);
}

TEST(OutcomesTest, BucketsAreAnEighthWideAtMost) {
  for (std::size_t bucket = 9; bucket < Outcomes::kBuckets; ++bucket) {
    const auto below = Outcomes::bound(bucket - 1);
    EXPECT_LE((Outcomes::bound(bucket) - below) * 8, below) << bucket;
  }
}

TEST(OutcomesTest, InferencesOfTheCoreAreCounted) {
  const TestServer core({{.name = "fail", .backend = "fail"}, {.name = "identity"}});
  const auto run = [&](const char* model) {
    const auto recorder = std::make_shared<Recorder>();
    unwrap(make_float_request(core.server, model, {1}).send(recorder));
    recorder->wait_final();
  };
  run("identity");
  run("fail");
  run("identity");
  const auto counts = core.server->outcomes().counts();
  EXPECT_EQ(sum(counts), 2U);
  EXPECT_EQ(counts.failed, 1U);
}

}  // namespace
}  // namespace tfe::triton
