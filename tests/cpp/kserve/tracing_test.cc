// Tracing on the real core: what is sampled, what is recorded, and that nothing is left behind.
#include "kserve/tracing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include "kserve/configure_tracing.h"
#include "kserve/events.h"
#include "kserve/inference.h"
#include "kserve/trace_writer.h"
#include "triton/core_fixture.h"

namespace tfe::kserve {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tfe::testing::float_bytes;
using tfe::testing::kPatience;
using tfe::testing::TemporaryDirectory;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

const char* const kSampledParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const char* const kOtherParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

void add_ensemble(triton::ServerOptions& options) {
  const std::string directory = options.model_repositories[0] + "/chain";
  std::filesystem::create_directories(directory + "/1");
  tfe::testing::write_file(directory + "/config.pbtxt", R"(
name: "chain"
platform: "ensemble"
input [{ name: "INPUT0" data_type: TYPE_FP32 dims: [-1] }]
output [{ name: "OUTPUT0" data_type: TYPE_FP32 dims: [-1] }]
ensemble_scheduling { step [
  { model_name: "identity" model_version: -1
    input_map { key: "INPUT0" value: "INPUT0" } output_map { key: "OUTPUT0" value: "middle" } },
  { model_name: "identity" model_version: -1
    input_map { key: "INPUT0" value: "middle" } output_map { key: "OUTPUT0" value: "OUTPUT0" } }
] }
)");
}

TestServer& core() {
  static auto* const server = new TestServer({{.name = "identity"},
                                              {.name = "text", .type = "TYPE_STRING"},
                                              {.name = "delay", .backend = "delay"},
                                              {.name = "fail", .backend = "fail"}},
                                             add_ensemble);
  return *server;
}

InferRequest request_for(const std::string& model, std::vector<float> values = {1, 2}) {
  InferRequest request;
  request.model = model;
  request.id = "id-1";
  auto data = std::make_shared<const std::string>(float_bytes(values));
  request.inputs.push_back({.name = "INPUT0",
                            .datatype = triton::DataType::kFp32,
                            .shape = {static_cast<std::int64_t>(values.size())},
                            .data = base::as_bytes(*data),
                            .shared_memory = std::nullopt});
  request.memory.push_back(data);
  return request;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

class TracingTest : public ::testing::Test {
 protected:
  // As a frontend does it; returns when the core has let go of the trace.
  void run(InferRequest request, const TraceContext& context = {}) {
    auto trace = tracing_->sample(request.model, context);
    if (trace) trace->mark("HTTP_RECV_START");
    request.trace = trace;
    auto events = std::make_shared<Events>();
    if (submit(std::move(request), events)) (void)events->wait_final();
    events.reset();
    if (trace) trace->mark("HTTP_SEND_END");
    trace.reset();
    wait_until_released();
  }

  static bool submit(InferRequest&& request, const std::shared_ptr<Events>& events) {
    InferRequest sent = std::move(request);  // gone when this returns
    return Inference(core().server).submit_single(std::move(sent), events).has_value();
  }

  // The core may hold a trace a moment longer than its response.
  void wait_until_released() {
    const base::TimePoint deadline = base::Clock::now() + kPatience;
    while (triton::Trace::alive() > 0 && base::Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_EQ(triton::Trace::alive(), 0U);
  }

  void start(TraceSettings settings) {
    settings.file = path();
    const auto status = tracing_->configure(settings);
    ASSERT_TRUE(status) << status.error().message;
  }

  std::string path() const { return directory_.path() + "/trace.json"; }

  std::string written(const std::string& suffix = {}) {
    EXPECT_TRUE(TraceWriter::global().flush(kPatience));
    std::ifstream file(path() + suffix);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  void TearDown() override {
    tracing_.reset();
    wait_until_released();
    ASSERT_TRUE(TraceWriter::global().flush(kPatience));
    EXPECT_EQ(TraceWriter::global().memory(), 0U);
    EXPECT_EQ(TraceWriter::global().dropped(), 0U);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Tracing> tracing_ = std::make_unique<Tracing>(core().server->library());
};

constexpr std::uint32_t kTimes = triton::kTraceTimestamps;
constexpr std::uint32_t kTensors = triton::kTraceTensors;

TEST_F(TracingTest, OffByDefault) {
  EXPECT_FALSE(tracing_->enabled());
  EXPECT_EQ(tracing_->sample("identity"), nullptr);
  EXPECT_EQ(tracing_->settings(), TraceSettings());
}

TEST_F(TracingTest, ARequestIsRecordedFromEndToEnd) {
  start({.levels = kTimes, .rate = 1});
  run(request_for("identity"));
  const std::string text = written();
  EXPECT_TRUE(text.starts_with("[\n{\"id\":"));
  EXPECT_TRUE(text.ends_with("}\n]\n"));
  EXPECT_THAT(text, HasSubstr(R"("model_name":"identity","model_version":1,"request_id":"id-1"})"));
  for (const char* activity :
       {"HTTP_RECV_START", "REQUEST_START", "QUEUE_START", "COMPUTE_START", "COMPUTE_INPUT_END",
        "COMPUTE_OUTPUT_START", "COMPUTE_END", "REQUEST_END", "HTTP_SEND_END"}) {
    EXPECT_EQ(count_of(text, "{\"name\":\"" + std::string(activity) + "\",\"ns\":"), 1U)
        << activity;
  }
  EXPECT_THAT(text, Not(HasSubstr("tensor")));
}

TEST_F(TracingTest, TensorsAreRecordedWithTheirContents) {
  start({.levels = kTensors, .rate = 1});
  run(request_for("identity", {0.5, -3}));
  const std::string text = written();
  EXPECT_THAT(text, HasSubstr(R"("activity":"TENSOR_QUEUE_INPUT","tensor":{"name":"INPUT0",)"
                              R"("data":"0.5,-3","shape":"2","dtype":"FP32"}})"));
  EXPECT_THAT(text, HasSubstr(R"("activity":"TENSOR_BACKEND_OUTPUT","tensor":{"name":"OUTPUT0",)"
                              R"("data":"0.5,-3")"));
  EXPECT_THAT(text, HasSubstr("model_name"));
  EXPECT_THAT(text, Not(HasSubstr("timestamps")));
}

TEST_F(TracingTest, TheStepsOfAnEnsembleAreChildren) {
  start({.levels = kTimes | kTensors, .rate = 1});
  run(request_for("chain"));
  const std::string text = written();
  EXPECT_THAT(text, HasSubstr(R"("model_name":"chain")"));
  const std::size_t at = text.find("{\"id\":") + 6;
  const std::string parent = text.substr(at, text.find(',') - at);
  EXPECT_EQ(count_of(text, "\"parent_id\":" + parent + "}"), 2U);
  EXPECT_EQ(count_of(text, "REQUEST_END"), 3U);
}

TEST_F(TracingTest, EveryRateThUntilCount) {
  start({.levels = kTimes, .rate = 3, .count = 2});
  for (int i = 0; i < 12; ++i) run(request_for("identity"));
  EXPECT_EQ(count_of(written(), "REQUEST_START"), 2U);
  EXPECT_EQ(tracing_->settings().count, 0);
}

TEST_F(TracingTest, AClientMayAskForATrace) {
  start({.levels = kTimes, .rate = 1000, .count = 0, .parent_based = true});
  run(request_for("identity"), {kOtherParent, ""});
  run(request_for("identity"), {"nonsense", "a=1"});
  EXPECT_EQ(written(), "");
  run(request_for("identity"), {kSampledParent, "vendor=1"});
  const std::string text = written();
  EXPECT_EQ(count_of(text, "REQUEST_START"), 1U);
  EXPECT_THAT(text, HasSubstr("\"traceparent\":\"" + std::string(kSampledParent) +
                              "\",\"tracestate\":\"vendor=1\""));
  ASSERT_TRUE(tracing_->update("", {.levels = 0U}));
  run(request_for("identity"), {kSampledParent, ""});
  EXPECT_EQ(written(), text);
}

TEST_F(TracingTest, UnlessClientsAreNotAsked) {
  start({.levels = kTimes, .rate = 1000, .count = 1});
  run(request_for("identity"), {kSampledParent, ""});
  EXPECT_EQ(written(), "");
  EXPECT_EQ(tracing_->settings().count, 1);
}

TEST_F(TracingTest, AnUnsampledParentIsRecordedToo) {
  start({.levels = kTimes, .rate = 1});
  run(request_for("identity"), {kOtherParent, ""});
  run(request_for("identity"), {"nonsense", "a=1"});
  EXPECT_EQ(count_of(written(), "traceparent"), 1U);
  EXPECT_THAT(written(), Not(HasSubstr("tracestate")));
}

// Of what never reached the core, or was refused by it, nothing stays and the marks are kept.
TEST_F(TracingTest, FailuresLeaveNoTraceBehind) {
  start({.levels = kTimes, .rate = 1});
  run(request_for("no_such_model"));
  InferRequest unknown_input = request_for("identity");
  unknown_input.inputs[0].name = "OTHER";
  run(std::move(unknown_input));
  InferRequest unknown_output = request_for("identity");
  unknown_output.outputs.push_back({.name = "OTHER", .shared_memory = std::nullopt});
  run(std::move(unknown_output));
  run(request_for("fail"));
  tracing_->sample("identity")->mark("HTTP_RECV_START");
  const std::string text = written();
  EXPECT_EQ(count_of(text, "HTTP_RECV_START"), 5U);
  EXPECT_EQ(count_of(text, R"("model_name":"fail")"), 1U);
}

TEST_F(TracingTest, CancelledRequestsLeaveNoTraceBehind) {
  start({.levels = kTimes, .rate = 1});
  auto events = std::make_shared<Events>();
  Inference inference(core().server);
  const auto send = [&] {
    InferRequest request = request_for("delay");
    request.trace = tracing_->sample("delay");
    return unwrap(inference.submit_single(std::move(request), events));
  };
  send()->cancel();
  (void)events->wait_final();
  events.reset();
  wait_until_released();
  EXPECT_EQ(count_of(written(), "REQUEST_START"), 1U);
}

TEST_F(TracingTest, NumberedFilesAreCompletedByAChangeOfSettings) {
  start({.levels = kTimes, .rate = 1, .log_frequency = 2});
  for (int i = 0; i < 3; ++i) run(request_for("identity"));
  EXPECT_EQ(count_of(written(".0"), "REQUEST_START"), 2U);
  EXPECT_EQ(written(".1"), "");
  ASSERT_TRUE(tracing_->update("", {.rate = 2U}));
  EXPECT_EQ(count_of(written(".1"), "REQUEST_START"), 1U);
}

TEST_F(TracingTest, ModelsFollowTheGeneralSettingsInWhatTheyDoNotSet) {
  start({.levels = kTimes, .rate = 7, .count = 5});
  EXPECT_EQ(unwrap(tracing_->update("identity", {.rate = 2U})).count, 5);
  ASSERT_TRUE(tracing_->update("", {.rate = 9U, .log_frequency = 4U}));
  EXPECT_EQ(tracing_->settings("identity").rate, 2U);
  EXPECT_EQ(tracing_->settings("identity").log_frequency, 4U);
  EXPECT_EQ(tracing_->settings("other").rate, 9U);
  // Clearing what a model has of its own.
  EXPECT_EQ(
      unwrap(tracing_->update("identity", {.rate = TraceChange<std::uint32_t>::clear()})).rate, 9U);
  // Clearing general ones: back to the start.
  EXPECT_EQ(unwrap(tracing_->update("", {.rate = TraceChange<std::uint32_t>::clear()})).rate, 7U);
  EXPECT_EQ(tracing_->settings("identity").rate, 7U);
}

TEST_F(TracingTest, AModelCanBeTracedAlone) {
  start({.rate = 1});
  EXPECT_FALSE(tracing_->enabled());
  ASSERT_TRUE(tracing_->update("identity", {.levels = kTimes}));
  EXPECT_TRUE(tracing_->enabled());
  run(request_for("identity"));
  EXPECT_EQ(tracing_->sample("fail"), nullptr);
  ASSERT_TRUE(tracing_->update("", {.levels = kTimes}));
  ASSERT_TRUE(tracing_->update("identity", {.levels = 0U}));
  EXPECT_EQ(tracing_->sample("identity"), nullptr);
  run(request_for("fail"));
  EXPECT_EQ(count_of(written(), "REQUEST_START"), 2U);
}

TEST_F(TracingTest, AnUpdateThatIsNotValidChangesNothing) {
  const auto refused = tracing_->update("", {.levels = kTimes, .rate = 5U});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "Attempting to set invalid trace setting :trace file name is not given");
  EXPECT_EQ(tracing_->settings(), TraceSettings());
  start({.levels = kTimes});
  EXPECT_FALSE(tracing_->update("", {.rate = 0U, .count = 3}));
  EXPECT_FALSE(tracing_->update("identity", {.rate = 0U}));
  EXPECT_EQ(tracing_->settings().count, -1);
}

TEST_F(TracingTest, OnlyModelsThatAreThereHaveSettings) {
  EXPECT_TRUE(check_traced_model(*core().server, "identity"));
  EXPECT_EQ(check_traced_model(*core().server, "none").error().message,
            "Request for unknown model : none");
}

TEST_F(TracingTest, ConfiguredForAServer) {
  auto extensions = unwrap(configure_tracing(
      *core().server, {{"level", "TIMESTAMPS"}, {"rate", "1"}, {"triton,file", path()}}));
  EXPECT_TRUE(extensions->tracing.enabled());
  EXPECT_EQ(&extensions_of(*core().server)->tracing, &extensions->tracing);
  const auto refused = configure_tracing(*core().server, {{"level", "TIMESTAMPS"}});
  EXPECT_FALSE(refused);
  EXPECT_FALSE(configure_tracing(*core().server, {{"file", directory_.path() + "/no/file"}}));
}

TEST_F(TracingTest, ConfiguredAgainItGoesOnInTheSameFile) {
  for (std::size_t i = 1; i <= 3; ++i) {
    start({.levels = kTimes, .rate = 1});
    run(request_for("identity"));
    EXPECT_EQ(count_of(written(), "REQUEST_START"), i);
  }
}

// A thousand requests from several threads while settings change: each record is whole.
TEST_F(TracingTest, SettingsChangeWhileRequestsAreTraced) {
  start({.levels = kTimes, .rate = 1});
  constexpr int kThreads = 4;
  constexpr int kEach = 250;
  std::atomic<int> sampled = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kThreads; ++i) {
    clients.emplace_back([&] {
      Inference inference(core().server);
      for (int turn = 0; turn < kEach; ++turn) {
        InferRequest request = request_for("identity");
        request.trace = tracing_->sample("identity");
        if (request.trace) ++sampled;
        auto events = std::make_shared<Events>();
        unwrap(inference.submit_single(std::move(request), events));
        (void)events->wait_final();
      }
    });
  }
  for (int turn = 0; turn < 20; ++turn) {
    ASSERT_TRUE(tracing_->update("", {.count = 1'000'000 + turn}));
    ASSERT_TRUE(tracing_->update("identity", {.count = turn % 2 == 0 ? 10'000 : -1}));
  }
  for (std::thread& client : clients) client.join();
  wait_until_released();
  EXPECT_EQ(sampled, kThreads * kEach);
  const std::string text = written();
  for (const char* activity : {"REQUEST_START", "COMPUTE_END", "REQUEST_END", "\"model_name\""}) {
    EXPECT_EQ(count_of(text, activity), static_cast<std::size_t>(kThreads * kEach)) << activity;
  }
}

// Traces that are still open when their server's tracing goes are written when they end.
TEST_F(TracingTest, TracingGoesBeforeItsRequests) {
  start({.levels = kTimes, .rate = 1, .log_frequency = 10});
  auto open = tracing_->sample("identity");
  tracing_.reset();
  open->mark("HTTP_RECV_START");
  open.reset();
  EXPECT_EQ(count_of(written(".0"), "HTTP_RECV_START"), 1U);
}

TEST_F(TracingTest, AnAnswerIsMarkedWhenItsLastByteHasGone) {
  start({.levels = kTimes, .rate = 1});
  auto trace = tracing_->sample("identity");
  base::Chain answer = base::Chain::of("head");
  answer.append(std::string("body"));
  answer = mark_when_sent(std::move(answer), trace, "HTTP_SEND_END");
  trace.reset();
  EXPECT_EQ(answer.to_string(), "headbody");
  answer.consume(7);
  EXPECT_EQ(triton::Trace::alive(), 1U);
  answer.consume(1);
  EXPECT_EQ(triton::Trace::alive(), 0U);
  EXPECT_EQ(count_of(written(), "HTTP_SEND_END"), 1U);
  EXPECT_TRUE(mark_when_sent({}, tracing_->sample("identity"), "EMPTY").empty());
  EXPECT_EQ(count_of(written(), "EMPTY"), 1U);
  EXPECT_EQ(mark_when_sent(base::Chain::of("x"), nullptr, "NONE").to_string(), "x");
}

}  // namespace
}  // namespace tfe::kserve
