#include "triton/model_activity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <optional>

#include "triton/core_fixture.h"
#include "triton/inference.h"
#include "triton/server.h"

namespace tfe::triton {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using Call = ModelActivity::Call;
using std::chrono::seconds;
using tfe::testing::make_float_request;
using tfe::testing::Recorder;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

TEST(ModelActivityTest, NothingInFlightIsNotListed) {
  ModelActivity activity;
  {
    Call call(activity, "a");
  }
  EXPECT_THAT(activity.busy(), IsEmpty());
}

TEST(ModelActivityTest, AgeIsThatOfTheOldest) {
  ModelActivity activity;
  std::optional<Call> first(std::in_place, activity, "a");
  const Call second(activity, "a");
  const Call other(activity, "b");
  const auto later = base::Clock::now() + seconds(100);
  const auto busy = activity.busy(later);
  ASSERT_THAT(busy, SizeIs(2));
  EXPECT_EQ(busy[0].model, "a");
  EXPECT_EQ(busy[0].in_flight, 2U);
  EXPECT_EQ(busy[0].oldest, busy[0].silent);
  EXPECT_GE(busy[0].oldest, seconds(100));
  EXPECT_EQ(busy[1].model, "b");

  first.reset();
  const auto after = activity.busy(later);
  EXPECT_EQ(after[0].in_flight, 1U);
  EXPECT_LT(after[0].silent, busy[0].silent);  // a completion is a sign of life
  EXPECT_LE(after[0].silent, after[0].oldest);
}

TEST(ModelActivityTest, ResponseOfADecoupledModelIsProgress) {
  ModelActivity activity;
  Call call(activity, "a");
  const auto later = base::Clock::now() + seconds(100);
  const auto before = activity.busy(later)[0];
  call.progress();
  const auto after = activity.busy(later)[0];
  EXPECT_EQ(after.oldest, before.oldest);
  EXPECT_LT(after.silent, before.silent);
}

TEST(ModelActivityTest, AnswersAreCountedByModelAndDuration) {
  ModelActivity activity;
  for (int i = 0; i < 3; ++i) Call(activity, "a").succeeded();
  {
    const Call failed(activity, "a");
  }
  {
    const Call failed(activity, "b");
  }
  EXPECT_THAT(activity.busy(), IsEmpty());
  const auto answered = activity.answered();
  ASSERT_THAT(answered, SizeIs(1));
  const auto& buckets = answered.at("a");
  EXPECT_EQ(std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0}), 3U);
}

TEST(ModelActivityTest, CountsWhatTheCoreHas) {
  TestServer core({{.name = "delay", .backend = "delay"}, {.name = "identity"}});
  auto& activity = core.server->activity();
  Request idle = make_float_request(core.server, "identity", {1});
  EXPECT_THAT(activity.busy(), IsEmpty());  // made, not sent
  auto recorder = std::make_shared<Recorder>();
  unwrap(std::move(idle).send(recorder));
  recorder->wait_final();
  EXPECT_THAT(activity.busy(), IsEmpty());
  EXPECT_THAT(activity.answered(), SizeIs(1));
}

TEST(ModelActivityTest, ClientsCanBeRefusedControl) {
  TestServer core({{.name = "identity"}});
  EXPECT_TRUE(core.server->client_control());
  core.server->refuse_client_control();
  const auto status = core.server->client_control();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kUnavailable);
}

}  // namespace
}  // namespace tfe::triton
