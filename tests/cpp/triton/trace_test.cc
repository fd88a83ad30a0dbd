#include "triton/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "triton/core_fixture.h"
#include "triton/trace_context.h"

namespace tfe::triton {
namespace {

using ::testing::Contains;
using tfe::testing::kPatience;
using tfe::testing::make_float_request;
using tfe::testing::Recorder;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

TestServer& core() {
  static auto* const server =
      new TestServer({{.name = "identity"}, {.name = "delay", .backend = "delay"}});
  return *server;
}

class Seen final : public TraceObserver {
 public:
  void on_activity(const TraceSource& source, std::string_view name,
                   std::uint64_t timestamp_ns) override {
    std::lock_guard lock(mutex);
    activities.emplace_back(name);
    model = source.model_name;
    EXPECT_GT(timestamp_ns, 0U);
  }
  void on_tensor(const TraceSource&, TraceActivity activity, const TracedTensor& tensor) override {
    std::lock_guard lock(mutex);
    tensors.push_back(std::string(activity_name(activity)) + " " + std::string(tensor.name));
  }

  std::mutex mutex;
  std::vector<std::string> activities;
  std::vector<std::string> tensors;
  std::string model;
};

Trace make_trace(const std::shared_ptr<TraceObserver>& observer, std::uint32_t levels) {
  return unwrap(
      Trace::create(core().server->library(), levels, R"({"traceparent":"p"})", observer));
}

void wait_until_released() {
  const base::TimePoint deadline = base::Clock::now() + kPatience;
  while (Trace::alive() > 0 && base::Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ASSERT_EQ(Trace::alive(), 0U);
}

TEST(TraceTest, OneThatIsNeverSentIsReleased) {
  const auto seen = std::make_shared<Seen>();
  {
    Trace trace = make_trace(seen, kTraceTimestamps);
    EXPECT_GT(trace.id(), 0U);
    EXPECT_EQ(Trace::alive(), 1U);
    Trace moved = std::move(trace);
    EXPECT_EQ(Trace::alive(), 1U);
    moved = make_trace(seen, kTraceTimestamps);
    EXPECT_EQ(Trace::alive(), 1U);
  }
  EXPECT_EQ(Trace::alive(), 0U);
  EXPECT_EQ(seen.use_count(), 1);
}

TEST(TraceTest, TheCoreReportsAndReleases) {
  const auto seen = std::make_shared<Seen>();
  Request request = make_float_request(core().server, "identity", {1});
  request.set_trace(make_trace(seen, kTraceTimestamps | kTraceTensors));
  auto recorder = std::make_shared<Recorder>();
  unwrap(std::move(request).send(recorder));
  (void)recorder->wait_final();
  wait_until_released();
  EXPECT_EQ(seen.use_count(), 1);
  EXPECT_EQ(seen->model, "identity");
  EXPECT_THAT(seen->activities, Contains("REQUEST_START"));
  EXPECT_THAT(seen->activities, Contains("REQUEST_END"));
  EXPECT_THAT(seen->tensors, Contains("TENSOR_QUEUE_INPUT INPUT0"));
  EXPECT_THAT(seen->tensors, Contains("TENSOR_BACKEND_OUTPUT OUTPUT0"));
}

// The core holds the trace as long as a response, which is deleted on any thread.
TEST(TraceTest, AKeptResponseKeepsItsTrace) {
  const auto seen = std::make_shared<Seen>();
  Request request = make_float_request(core().server, "identity", {1});
  request.set_trace(make_trace(seen, kTraceTimestamps));
  auto recorder = std::make_shared<Recorder>();
  recorder->keep_responses = true;
  unwrap(std::move(request).send(recorder));
  (void)recorder->wait_final();
  EXPECT_EQ(Trace::alive(), 1U);
  recorder->responses.clear();
  wait_until_released();
}

TEST(TraceTest, ARequestThatIsDroppedReleasesItsTrace) {
  {
    Request request = make_float_request(core().server, "identity", {1});
    request.set_trace(make_trace(std::make_shared<Seen>(), kTraceTimestamps));
    Request moved = std::move(request);
    EXPECT_EQ(Trace::alive(), 1U);
  }
  EXPECT_EQ(Trace::alive(), 0U);
}

// Refused by the core's checks: it has not taken the trace.
TEST(TraceTest, ARefusedRequestReleasesItsTrace) {
  Request request = unwrap(Request::create(core().server, "identity", -1));
  request.set_trace(make_trace(std::make_shared<Seen>(), kTraceTimestamps));
  EXPECT_FALSE(std::move(request).send(std::make_shared<Recorder>()));
  EXPECT_EQ(Trace::alive(), 0U);
}

// Refused by a scheduler that has stopped: it has taken the trace, and released it.
TEST(TraceTest, AStoppedServerReleasesTheTrace) {
  const TestServer server({{.name = "identity"}});
  Request request = make_float_request(server.server, "identity", {1});
  request.set_trace(make_trace(std::make_shared<Seen>(), kTraceTimestamps));
  std::thread stopper([&] { (void)server.server->stop(); });
  while (!server.server->stopped()) std::this_thread::yield();
  EXPECT_FALSE(std::move(request).send(std::make_shared<Recorder>()));
  EXPECT_EQ(Trace::alive(), 0U);
  stopper.join();
}

TEST(TraceTest, NamesOfActivities) {
  EXPECT_EQ(activity_name(TraceActivity::kRequestStart), "REQUEST_START");
  EXPECT_EQ(activity_name(TraceActivity::kCustom), "CUSTOM_ACTIVITY");
  EXPECT_EQ(activity_name(static_cast<TraceActivity>(99)), "UNKNOWN");
  EXPECT_EQ(activity_name(static_cast<TraceActivity>(-1)), "UNKNOWN");
}

TEST(TraceContextTest, NamesOfCustomActivities) {
  EXPECT_EQ(custom_activity_name(R"({"1":"one","12" : "a \"b\"\\\n"})", 12), "a \"b\"\\\n");
  EXPECT_EQ(custom_activity_name(R"({"1":"one"})", 1), "one");
  for (const char* none : {"", "{}", R"({"2":"x"})", R"({"1":2})", R"({"1")", R"({"1":"x)"}) {
    EXPECT_EQ(custom_activity_name(none, 1), "") << none;
  }
}

}  // namespace
}  // namespace tfe::triton
