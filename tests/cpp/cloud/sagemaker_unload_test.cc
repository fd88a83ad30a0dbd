// Unloads that wait for requests in flight, and what a supervisor has repeated on every server.
#include <thread>

#include "cloud/sagemaker_fixture.h"
#include "kserve/extensions.h"

namespace tfe::cloud {
namespace {

// An unload waits for what is in flight, and nobody else waits for the unload.
TEST_F(SageMakerTest, AnUnloadHoldsUpNobodyElse) {
  add("slow", {.backend = "delay"});
  add("quick");
  ASSERT_EQ(load("slow").status, 200);
  TestCall pending(*handler_, {"POST", "/models/slow/invoke", infer_body(kEndless)});
  TestCall unload(*handler_, {"DELETE", "/models/slow"});
  EXPECT_EQ(load("quick").status, 200);
  EXPECT_EQ(call("POST", "/models/quick/invoke", infer_body()).status, 200);
  EXPECT_EQ(load("slow").status, 409);
  EXPECT_EQ(call("POST", "/models/slow/invoke", infer_body()).status, 404);
  EXPECT_EQ(call("GET", "/models").body.find("slow"), std::string::npos);
  EXPECT_EQ(call("DELETE", "/models/quick").status, 200);
  TestCall joined(*handler_, {"DELETE", "/models/slow"});
  EXPECT_FALSE(unload.exchange.response);
  pending.sink->on_abort();
  EXPECT_EQ(unload.wait().status, 200);
  EXPECT_EQ(joined.wait().status, 200);
  EXPECT_EQ(load("slow").status, 200);
}

TEST_F(SageMakerTest, AnUnloadThatTakesTooLongGoesOn) {
  make({.unload_timeout = std::chrono::milliseconds(1)});
  add("slow", {.backend = "delay"});
  ASSERT_EQ(load("slow").status, 200);
  TestCall pending(*handler_, {"POST", "/models/slow/invoke", infer_body(kEndless)});
  const auto late = call("DELETE", "/models/slow");
  EXPECT_EQ(late.status, 504);
  EXPECT_NE(late.body.find("still being unloaded"), std::string::npos) << late.body;
  pending.sink->on_abort();
  // The model leaves on its own; then it is unknown.
  const auto end = base::Clock::now() + testing::kPatience;
  while (call("DELETE", "/models/slow").status != 404 && base::Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(load("slow").status, 200);
}

TEST_F(SageMakerTest, ADisconnectedClientsUnloadGoesOn) {
  add("slow", {.backend = "delay"});
  ASSERT_EQ(load("slow").status, 200);
  TestCall pending(*handler_, {"POST", "/models/slow/invoke", infer_body(kEndless)});
  TestCall gone(*handler_, {"DELETE", "/models/slow"});
  gone.sink->on_abort();
  TestCall joined(*handler_, {"DELETE", "/models/slow"});
  pending.sink->on_abort();
  EXPECT_EQ(joined.wait().status, 200);
  EXPECT_FALSE(gone.exchange.response);
  EXPECT_EQ(load("slow").status, 200);
}

TEST_F(SageMakerTest, TheHandlerMayGoDuringAnUnload) {
  add("slow", {.backend = "delay"});
  ASSERT_EQ(load("slow").status, 200);
  TestCall pending(*handler_, {"POST", "/models/slow/invoke", infer_body(kEndless)});
  TestCall unload(*handler_, {"DELETE", "/models/slow"});
  handler_.reset();
  unload.sink->on_abort();
  pending.sink->on_abort();
  EXPECT_FALSE(unload.exchange.response);
}

// A supervisor takes the calls of clients and has them carried out on every server, also on this
// one.
class ReplicatedSageMakerTest : public SageMakerTest {
 protected:
  void SetUp() override { testing::unwrap(extensions_->replication.begin(8)); }

  base::Status carry_out(const kserve::ControlCall& call) {
    return kserve::carry_out(*core_.server, *extensions_, call);
  }
  void carry_out_next() {
    std::vector<kserve::Replication::Waiting> waiting;
    while (waiting.empty()) waiting = extensions_->replication.take();
    ASSERT_EQ(waiting.size(), 1U);
    extensions_->replication.finish(waiting[0].id, carry_out(waiting[0].call));
  }

  std::shared_ptr<kserve::Extensions> extensions_ = kserve::extensions_of(*core_.server);
};

TEST_F(ReplicatedSageMakerTest, AnUnloadIsAnsweredWhenItIsOverHere) {
  add("slow", {.backend = "delay"});
  TestCall loading(*handler_, {"POST", "/models", load_body("slow")});
  carry_out_next();
  EXPECT_EQ(loading.wait().status, 200);
  TestCall pending(*handler_, {"POST", "/models/slow/invoke", infer_body(kEndless)});
  TestCall unload(*handler_, {"DELETE", "/models/slow"});
  carry_out_next();
  EXPECT_FALSE(unload.exchange.response);
  pending.sink->on_abort();
  EXPECT_EQ(unload.wait().status, 200);
  TestCall again(*handler_, {"DELETE", "/models/slow"});
  carry_out_next();
  EXPECT_EQ(again.wait().status, 404);
}

// As on a worker that could not load what the others have, or has what one of them had not.
TEST_F(ReplicatedSageMakerTest, WhatIsRepeatedMayBeSoAlready) {
  add("abc");
  add("def");
  const kserve::HostModel model{"abc", url("abc"), "abc"};
  const auto repeated = [&](const kserve::ControlCall& call) {
    const auto status =
        kserve::carry_out(*core_.server, *extensions_, call, kserve::Origin::kRepeated);
    return status ? "done" : status.error().message;
  };
  EXPECT_EQ(repeated(kserve::UnhostModel{"abc"}), "done");
  EXPECT_EQ(repeated(model), "done");
  EXPECT_EQ(repeated(model), "done");
  EXPECT_EQ(repeated(kserve::HostModel{"abc", url("def"), "abc"}), "model 'abc' is already loaded");
  EXPECT_EQ(repeated(kserve::HostModel{"abc", url("abc"), "x"}), "model 'abc' is already loaded");
  EXPECT_EQ(carry_out(model).error().message, "model 'abc' is already loaded");
  EXPECT_EQ(carry_out(kserve::UnhostModel{"def"}).error().code, base::Code::kNotFound);
}

// Another worker may be done with a model that this one still has requests of.
TEST_F(ReplicatedSageMakerTest, ALoadWaitsForTheUnloadBeforeIt) {
  add("slow", {.backend = "delay"});
  const kserve::HostModel model{"slow", url("slow"), "slow"};
  testing::check(carry_out(model));
  TestCall pending(*handler_, {"POST", "/models/slow/invoke", infer_body(kEndless)});
  testing::check(carry_out(kserve::UnhostModel{"slow"}));
  testing::check(carry_out(kserve::UnhostModel{"slow"}));  // under way already
  base::Status loaded;
  std::jthread other([&] { loaded = carry_out(model); });
  pending.sink->on_abort();
  other.join();
  testing::check(loaded);
  EXPECT_EQ(call("POST", "/models/slow/invoke", infer_body()).status, 200);
}

}  // namespace
}  // namespace tfe::cloud
