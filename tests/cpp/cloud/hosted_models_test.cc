#include "cloud/hosted_models.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tfe::cloud {
namespace {

using base::Code;
using std::chrono::seconds;

const base::TimePoint kStart = base::Clock::now();

class Hosted : public ::testing::Test {
 protected:
  void load(const std::string& name) {
    ASSERT_TRUE(models_.begin_load(name, name + "-target"));
    models_.loaded(name, "/real/" + name, "/shown/" + name);
  }
  auto unload(const std::string& name, base::TimePoint deadline = kStart + seconds(60)) {
    return models_.begin_unload(name, deadline, [this, name](const base::Status& status) {
      told_.push_back(name + ": " + (status ? "done" : status.error().message));
    });
  }
  std::string refusal(const base::Status& status) {
    EXPECT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::kAlreadyExists);
    return status.error().message;
  }

  HostedModels models_;
  std::vector<std::string> told_;
};

TEST_F(Hosted, ALoadedModelIsFoundAndListedByName) {
  load("b");
  load("a");
  ASSERT_TRUE(models_.find("b"));
  EXPECT_EQ(models_.find("b")->target, "b-target");
  EXPECT_EQ(models_.find("b")->repository, "/real/b");
  const auto all = models_.list();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].name, "a");
  EXPECT_EQ(all[1].shown, "/shown/b");
  EXPECT_FALSE(models_.find("c"));
}

TEST_F(Hosted, AModelThatIsBeingLoadedIsNotThereYet) {
  ASSERT_TRUE(models_.begin_load("a", "t"));
  EXPECT_FALSE(models_.find("a"));
  EXPECT_TRUE(models_.list().empty());
  EXPECT_EQ(refusal(models_.begin_load("a", "t")), "model 'a' is being loaded");
  const auto unloading = unload("a");
  ASSERT_FALSE(unloading);
  EXPECT_EQ(unloading.error().code, Code::kAlreadyExists);
  models_.load_failed("a");
  EXPECT_TRUE(models_.begin_load("a", "t"));
  EXPECT_TRUE(told_.empty());
}

TEST_F(Hosted, ASecondLoadIsRefused) {
  load("a");
  EXPECT_EQ(refusal(models_.begin_load("a", "t")), "model 'a' is already loaded");
}

TEST_F(Hosted, UnloadingAnUnknownModel) {
  const auto result = unload("a");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kNotFound);
}

TEST_F(Hosted, AnUnloadGoesThroughItsStates) {
  load("a");
  load("b");
  const auto begun = unload("a");
  ASSERT_TRUE(begun && *begun);
  EXPECT_EQ((*begun)->target, "a-target");
  EXPECT_FALSE(models_.find("a"));
  EXPECT_TRUE(models_.find("b"));
  EXPECT_TRUE(models_.unloading().empty());
  EXPECT_EQ(refusal(models_.begin_load("a", "t")), "model 'a' is being unloaded");
  models_.unload_accepted("a");
  ASSERT_EQ(models_.unloading().size(), 1U);
  EXPECT_EQ(models_.unloading()[0].name, "a");
  models_.unloaded("a", {});
  EXPECT_EQ(told_, std::vector<std::string>{"a: done"});
  EXPECT_TRUE(models_.begin_load("a", "t"));
}

TEST_F(Hosted, LaterUnloadsJoinTheFirst) {
  load("a");
  ASSERT_TRUE(unload("a").value());
  const auto joined = unload("a");
  ASSERT_TRUE(joined);
  EXPECT_FALSE(*joined);
  models_.unloaded("a", {});
  EXPECT_EQ(told_, (std::vector<std::string>{"a: done", "a: done"}));
}

// Nobody tells a waiter that its client has gone.
TEST_F(Hosted, WaitersAreBounded) {
  load("a");
  for (std::size_t i = 0; i < HostedModels::kMostWaiters; ++i) ASSERT_TRUE(unload("a"));
  const auto refused = unload("a");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  models_.unloaded("a", {});
  EXPECT_EQ(told_.size(), HostedModels::kMostWaiters);
}

TEST_F(Hosted, ARefusedUnloadLeavesTheModelLoaded) {
  load("a");
  ASSERT_TRUE(unload("a"));
  models_.unload_refused("a", {Code::kInternal, "no"});
  EXPECT_EQ(told_, std::vector<std::string>{"a: no"});
  EXPECT_TRUE(models_.find("a"));
  EXPECT_TRUE(unload("a").value());
}

TEST_F(Hosted, AWaitEndsAtItsDeadlineAndTheUnloadGoesOn) {
  load("a");
  EXPECT_FALSE(models_.expire(kStart));
  ASSERT_TRUE(unload("a", kStart + seconds(1)));
  models_.unload_accepted("a");
  ASSERT_TRUE(unload("a", kStart + seconds(9)));
  EXPECT_TRUE(models_.expire(kStart));
  EXPECT_TRUE(told_.empty());
  EXPECT_TRUE(models_.expire(kStart + seconds(1)));
  EXPECT_EQ(told_, std::vector<std::string>{
                       "a: model 'a' is still being unloaded: requests are in flight"});
  EXPECT_EQ(models_.unloading().size(), 1U);
  models_.unloaded("a", {});
  EXPECT_EQ(told_.back(), "a: done");
  EXPECT_EQ(told_.size(), 2U);
  EXPECT_FALSE(models_.expire(kStart + seconds(10)));
}

// A waiter may use the models: it is called without the lock.
TEST_F(Hosted, AWaiterMayLoadAgain) {
  load("a");
  bool again = false;
  ASSERT_TRUE(models_.begin_unload(
      "a", kStart, [&](const base::Status&) { again = models_.begin_load("a", "t").has_value(); }));
  models_.unloaded("a", {});
  EXPECT_TRUE(again);
}

TEST_F(Hosted, OnlyAnUnloadThatIsUnderWayCanBeJoined) {
  const auto join = [this](const std::string& name) {
    HostedModels::Waiter waiter = [this](const base::Status& status) {
      told_.push_back(status ? "joined" : status.error().message);
    };
    const auto joined = models_.join_unload(name, kStart + seconds(60), waiter);
    return joined ? std::to_string(*joined) : joined.error().message;
  };
  EXPECT_EQ(join("a"), "0");
  load("a");
  EXPECT_EQ(join("a"), "0");
  ASSERT_TRUE(unload("a"));
  EXPECT_EQ(join("a"), "1");
  models_.unload_accepted("a");
  models_.unloaded("a", {});
  EXPECT_EQ(told_, (std::vector<std::string>{"a: done", "joined"}));
  EXPECT_EQ(join("a"), "0");
  load("b");
  ASSERT_TRUE(unload("b"));
  for (std::size_t count = 1; count < HostedModels::kMostWaiters; ++count) join("b");
  EXPECT_EQ(join("b"), "too many requests wait for the unload of model 'b' (limit 1024)");
}

}  // namespace
}  // namespace tfe::cloud
