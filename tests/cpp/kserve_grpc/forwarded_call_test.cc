// ModelInfer when there is another server to which it could go.
#include "kserve_grpc/forwarded_call.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kserve_grpc/service_rig.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

TestServer& core() {
  static auto* const shared = new TestServer({{.name = "m"}});
  return *shared;
}

// What became of one route; the test answers it.
struct Trip {
  std::string path, message;
  std::vector<std::pair<std::string, std::string>> headers;
  grpc::Route::OnReply reply;  // null: never sent
  int cancels = 0;
};

class TestRoute final : public grpc::Route {
 public:
  explicit TestRoute(std::shared_ptr<Trip> trip) : trip_(std::move(trip)) {}
  std::size_t max_message_size() const override { return 200; }
  void send(std::string_view path, std::span<const http::HeaderView> headers, base::Chain message,
            OnReply on_reply) override {
    trip_->path = path;
    trip_->message = message.to_string();
    for (const auto& [name, value] : headers) trip_->headers.emplace_back(name, value);
    trip_->reply = std::move(on_reply);
  }
  void cancel() override { ++trip_->cancels; }

 private:
  const std::shared_ptr<Trip> trip_;
};

class TestForwarder final : public grpc::Forwarder {
 public:
  std::unique_ptr<grpc::Route> choose() override { return busy ? route() : nullptr; }
  std::unique_ptr<grpc::Route> divert() override { return others ? route() : nullptr; }
  void count_received() override { ++received; }

  std::unique_ptr<grpc::Route> route() {
    trips.push_back(std::make_shared<Trip>());
    return std::make_unique<TestRoute>(trips.back());
  }

  bool busy = true;
  bool others = true;
  int received = 0;
  std::vector<std::shared_ptr<Trip>> trips;
};

class ForwardedCallTest : public ::testing::Test {
 protected:
  explicit ForwardedCallTest(kserve::Admission::Limits limits = {})
      : rig_(core().server, [&](Context& context) {
          context.forwarder = forwarder_;
          context.admission = kserve::Admission(limits);
        }) {}

  bool went() const { return !forwarder_->trips.empty() && forwarder_->trips.back()->reply; }
  Trip& trip() { return *forwarder_->trips.back(); }
  void answer(grpc::ForwardedReply reply) {
    trip().reply(std::move(reply));
    exchange_.waiting->run_one();
  }

  const std::shared_ptr<TestForwarder> forwarder_ = std::make_shared<TestForwarder>();
  ServiceRig rig_;
  WaitingExchange exchange_;
};

TEST_F(ForwardedCallTest, GoesAsItCameAndComesBackAsItWasAnswered) {
  const std::string request = float_request("m");
  const auto sink = rig_.open("ModelInfer", request, exchange_, {{"key", "value"}});
  ASSERT_TRUE(went());
  EXPECT_EQ(trip().path, "/inference.GRPCInferenceService/ModelInfer");
  EXPECT_EQ(trip().message, request);
  EXPECT_EQ(trip().headers, (std::vector<std::pair<std::string, std::string>>{{"key", "value"}}));
  EXPECT_FALSE(exchange_.done);
  answer({.status = {}, .message = base::Chain::of("answer")});
  EXPECT_EQ(exchange_.status, 0);
  EXPECT_EQ(exchange_.body.substr(grpc::kPrefixSize), "answer");
  EXPECT_EQ(trip().cancels, 0);
}

TEST_F(ForwardedCallTest, ErrorsComeBackToo) {
  const auto sink = rig_.open("ModelInfer", float_request("m"), exchange_);
  answer({.status = {grpc::Code::kNotFound, "no such model"}, .message = {}});
  EXPECT_EQ(exchange_.status, 5);
  EXPECT_EQ(exchange_.message, "no such model");
}

TEST_F(ForwardedCallTest, IsAnsweredHereIfNobodyLookedAtIt) {
  const auto sink = rig_.open("ModelInfer", float_request("m"), exchange_);
  forwarder_->busy = false;
  answer({.status = {grpc::Code::kUnavailable, "gone"}, .message = {}, .untouched = true});
  while (!exchange_.done) exchange_.waiting->run_one();
  EXPECT_EQ(exchange_.status, 0);
}

TEST_F(ForwardedCallTest, SomeStay) {
  const std::string sequence = map_field(4, "sequence_id", int64_param(7));
  const std::string large = map_field(4, "x", string_param(std::string(300, 'x')));
  const std::vector<std::string> requests = {
      float_request("m", sequence), float_request("m", large), "no request",
      float_request("m") +
          bytes_field(6, bytes_field(1, "OUTPUT0") +
                             map_field(2, "shared_memory_region", string_param("r")))};
  for (const std::string& request : requests) {
    rig_.call("ModelInfer", request);
    EXPECT_FALSE(went()) << request;
  }
  EXPECT_EQ(forwarder_->trips.size(), requests.size());
}

TEST_F(ForwardedCallTest, WhatWasPassedOnIsNotPassedOnAgain) {
  const Headers headers{{grpc::kForwardedKey, "1"}};
  EXPECT_EQ(rig_.call("ModelInfer", float_request("m"), headers).status, 0);
  EXPECT_TRUE(forwarder_->trips.empty());
  EXPECT_EQ(forwarder_->received, 1);
}

TEST_F(ForwardedCallTest, AClientThatLeavesCancelsIt) {
  const auto sink = rig_.open("ModelInfer", float_request("m"), exchange_);
  sink->on_abort();
  EXPECT_EQ(trip().cancels, 1);
  trip().reply({.status = {}, .message = base::Chain::of("late")});
  EXPECT_FALSE(exchange_.done);
}

class FaultyModelTest : public ForwardedCallTest {
 protected:
  FaultyModelTest() {
    forwarder_->busy = false;
    core().server->faults().set({{"m", {"hung", true}}});
    rig_.context->inference =
        kserve::Inference(core().server, true, [f = forwarder_] { return f->others; });
  }
  ~FaultyModelTest() override { core().server->faults().set({}); }
};

TEST_F(FaultyModelTest, ItsCallsGoElsewhereAlthoughNothingWaitsHere) {
  const auto sink = rig_.open("ModelInfer", float_request("m"), exchange_, {{"key", "value"}});
  ASSERT_TRUE(went());
  EXPECT_EQ(trip().message, float_request("m"));
  EXPECT_EQ(trip().headers, (std::vector<std::pair<std::string, std::string>>{{"key", "value"}}));
  answer({.status = {}, .message = base::Chain::of("answer")});
  EXPECT_EQ(exchange_.status, 0);
}

TEST_F(FaultyModelTest, OtherModelsStay) {
  core().server->faults().set({{"another", {"hung", true}}});
  EXPECT_EQ(rig_.call("ModelInfer", float_request("m")).status, 0);
  EXPECT_TRUE(forwarder_->trips.empty());
}

TEST_F(FaultyModelTest, WhatHasToStayIsRefused) {
  const std::string sequence = map_field(4, "sequence_id", int64_param(7));
  const std::string large = map_field(4, "x", string_param(std::string(300, 'x')));
  for (const std::string& request : {float_request("m", sequence), float_request("m", large)}) {
    const Answer refused = rig_.call("ModelInfer", request);
    EXPECT_FALSE(went());
    EXPECT_EQ(refused.status, 14);
    EXPECT_EQ(refused.message,
              "model 'm' is unavailable on this worker: hung; another worker serves it");
  }
}

TEST_F(FaultyModelTest, WhatWasPassedOnIsRefusedRatherThanPassedOnAgain) {
  const Headers headers{{grpc::kForwardedKey, "1"}};
  EXPECT_EQ(rig_.call("ModelInfer", float_request("m"), headers).status, 14);
  EXPECT_TRUE(forwarder_->trips.empty());
}

TEST_F(FaultyModelTest, WithoutOthersItsCallsWaitForIt) {
  forwarder_->others = false;
  EXPECT_EQ(rig_.call("ModelInfer", float_request("m")).status, 0);
  core().server->faults().set({{"m", {"loading it again"}}});
  const Answer refused = rig_.call("ModelInfer", float_request("m"));
  EXPECT_EQ(refused.status, 14);
  EXPECT_EQ(refused.message, "model 'm' is unavailable: loading it again");
}

TEST_F(FaultyModelTest, WithoutOthersThatTakeItTheCallIsRefused) {
  const auto sink = rig_.open("ModelInfer", float_request("m"), exchange_);
  answer({.status = {grpc::Code::kUnavailable, "gone"}, .message = {}, .untouched = true});
  while (!exchange_.done) exchange_.waiting->run_one();
  EXPECT_EQ(exchange_.status, 14);
}

class ForwardedCallCapTest : public ForwardedCallTest {
 protected:
  ForwardedCallCapTest() : ForwardedCallTest({.max_requests = 1}) {}
};

TEST_F(ForwardedCallCapTest, CapsCountWhatIsElsewhere) {
  const auto sink = rig_.open("ModelInfer", float_request("m"), exchange_);
  forwarder_->busy = false;
  EXPECT_EQ(rig_.call("ModelInfer", float_request("m")).status, 8);
  answer({.status = {}, .message = base::Chain::of("answer")});
  EXPECT_EQ(rig_.context->admission.requests(), 0U);
}

}  // namespace
}  // namespace tfe::kserve_grpc
