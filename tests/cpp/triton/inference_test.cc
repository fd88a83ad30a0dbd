#include "triton/inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/buffer_pool.h"
#include "triton/core_fixture.h"

namespace tfe::triton {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tfe::testing::check;
using tfe::testing::float_bytes;
using tfe::testing::kPatience;
using tfe::testing::make_float_request;
using tfe::testing::make_request;
using tfe::testing::ModelSpec;
using tfe::testing::Recorder;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

const char* const kDecoupled = "model_transaction_policy { decoupled: true }\n";

TestServer& core() {
  // Left running at exit, which the core allows; stopping costs each test more than a second.
  static auto* const server = new TestServer({
      {.name = "identity"},
      {.name = "text", .type = "TYPE_STRING"},
      {.name = "delay", .backend = "delay"},
      {.name = "fail", .backend = "fail"},
      {.name = "split", .backend = "split"},
      {.name = "repeat", .backend = "repeat", .extra = kDecoupled},
      {.name = "sequence",
       .extra = "sequence_batching { max_sequence_idle_microseconds: 1000000 }\n"},
  });
  return *server;
}

std::vector<Recorder::Item> run(Request request) {
  auto recorder = std::make_shared<Recorder>();
  unwrap(std::move(request).send(recorder));
  return recorder->wait_final();
}

TEST(InferenceTest, IdentityReturnsTheInput) {
  const auto items = run(make_float_request(core().server, "identity", {1, 2, 3}));
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_EQ(items[0].text, float_bytes({1, 2, 3}));
}

TEST(InferenceTest, OutputsAreViewsWithNameTypeAndShape) {
  auto recorder = std::make_shared<Recorder>();
  recorder->keep_responses = true;
  Request request = make_float_request(core().server, "identity", {1, 2});
  check(request.set_id("abc"));
  check(request.add_output("OUTPUT0"));
  unwrap(std::move(request).send(recorder));
  recorder->wait_final();
  const Response& response = recorder->responses.at(0);
  EXPECT_EQ(response.model_name(), "identity");
  EXPECT_EQ(response.model_version(), 1);
  EXPECT_EQ(response.id(), "abc");
  ASSERT_EQ(response.output_count(), 1U);
  const OutputView output = unwrap(response.output(0));
  EXPECT_EQ(output.name, "OUTPUT0");
  EXPECT_EQ(output.datatype, DataType::kFp32);
  EXPECT_EQ(Shape(output.shape.begin(), output.shape.end()), Shape{2});
  EXPECT_EQ(output.place.type, MemoryType::kCpu);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(output.data.data()) % base::BufferPool::kAlignment,
            0U);
  EXPECT_FALSE(response.output(1));
  EXPECT_EQ(response.label(0, 0), "");
}

TEST(InferenceTest, InputChunksAreJoined) {
  Request request = unwrap(Request::create(core().server, "identity", -1));
  const std::string data = float_bytes({1, 2, 3});
  check(request.add_input("INPUT0", DataType::kFp32, Shape{3}));
  check(request.append_input("INPUT0", base::as_bytes(data).first(4)));
  check(request.append_input("INPUT0", {}));
  check(request.append_input("INPUT0", base::as_bytes(data).subspan(4)));
  EXPECT_EQ(run(std::move(request)).at(0).text, data);
}

TEST(InferenceTest, ZeroElementsGiveANullBuffer) {
  auto recorder = std::make_shared<Recorder>();
  recorder->keep_responses = true;
  unwrap(make_float_request(core().server, "identity", {}).send(recorder));
  recorder->wait_final();
  const OutputView output = unwrap(recorder->responses.at(0).output(0));
  EXPECT_EQ(output.data.data(), nullptr);
  EXPECT_THAT(output.data, IsEmpty());
  EXPECT_EQ(output.shape[0], 0);
}

TEST(InferenceTest, RawInputIsDeduced) {
  Request request = unwrap(Request::create(core().server, "identity", -1));
  const std::string data = float_bytes({4, 5});
  check(request.add_raw_input("raw"));
  check(request.append_input("raw", base::as_bytes(data)));
  EXPECT_EQ(run(std::move(request)).at(0).text, data);
}

TEST(InferenceTest, UnknownModelsAndVersionsAreNotFound) {
  const auto model = Request::create(core().server, "nothing", -1);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, base::Code::kNotFound);
  EXPECT_THAT(model.error().message, HasSubstr("unknown model: 'nothing'"));
  EXPECT_EQ(Request::create(core().server, "identity", 7).error().code, base::Code::kNotFound);
}

TEST(InferenceTest, ARefusedRequestMakesNoCallback) {
  auto recorder = std::make_shared<Recorder>();
  auto memory = std::make_shared<int>(0);
  Request request = make_float_request(core().server, "identity", {1});
  request.keep(memory);
  check(request.add_output("NOTHING"));
  const auto sent = std::move(request).send(recorder);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, base::Code::kInvalidArgument);
  EXPECT_THAT(sent.error().message, HasSubstr("NOTHING"));
  EXPECT_EQ(recorder.use_count(), 1);
  EXPECT_EQ(memory.use_count(), 1);
}

TEST(InferenceTest, WrongSizesAreRefusedByTheCore) {
  auto recorder = std::make_shared<Recorder>();
  const auto sent = make_request(core().server, "identity", "abc", DataType::kFp32, {1});
  auto result = make_request(core().server, "identity", "abc", DataType::kFp32, {1}).send(recorder);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, base::Code::kInvalidArgument);
  EXPECT_THAT(result.error().message, HasSubstr("byte size mismatch"));
}

TEST(InferenceTest, ModelErrorsKeepCodeAndText) {
  for (const base::Code code :
       {base::Code::kUnknown, base::Code::kInternal, base::Code::kNotFound,
        base::Code::kInvalidArgument, base::Code::kUnavailable, base::Code::kUnsupported,
        base::Code::kAlreadyExists, base::Code::kCancelled}) {
    Request request = make_float_request(core().server, "fail", {1});
    check(request.set_parameter({"error_code", static_cast<std::int64_t>(code)}));
    check(request.set_parameter({"error_message", std::string("the model says no")}));
    const auto items = run(std::move(request));
    ASSERT_THAT(items, SizeIs(1));
    ASSERT_TRUE(items[0].error);
    EXPECT_EQ(items[0].error->code, code);
    EXPECT_EQ(items[0].error->message, "the model says no");
  }
}

TEST(InferenceTest, ParametersOfEveryTypeArrive) {
  Request request = make_float_request(core().server, "repeat", {1});
  check(request.set_parameter({"responses", std::int64_t{2}}));
  check(request.set_parameter({"final", std::string("separate")}));
  check(request.set_parameter({"unused", 1.5}));
  check(request.set_parameter({"also_unused", true}));
  const auto items = run(std::move(request));
  ASSERT_THAT(items, SizeIs(3));
  EXPECT_FALSE(items[0].final);
  EXPECT_TRUE(items[2].final);
  EXPECT_FALSE(items[2].has_response);
}

TEST(InferenceTest, DecoupledWithoutAnyResponseEndsWithTheBareFlag) {
  Request request = make_float_request(core().server, "repeat", {1});
  check(request.set_parameter({"responses", std::int64_t{0}}));
  const auto items = run(std::move(request));
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_FALSE(items[0].has_response);
  EXPECT_TRUE(items[0].final);
}

TEST(InferenceTest, FlagAndReleaseInEitherOrder) {
  for (const char* release : {"first", "between", "last"}) {
    auto memory = std::make_shared<int>(0);
    Request request = make_float_request(core().server, "split", {1});
    request.keep(memory);
    check(request.set_parameter({"release", std::string(release)}));
    check(request.set_parameter({"gap_ms", std::int64_t{5}}));
    auto recorder = std::make_shared<Recorder>();
    unwrap(std::move(request).send(recorder));
    const auto items = recorder->wait_final();
    ASSERT_THAT(items, SizeIs(2)) << release;
    EXPECT_TRUE(items[0].has_response);
    EXPECT_FALSE(items[1].has_response);
    // Both ends are reached soon; observer and memory are then given up.
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while ((memory.use_count() > 1 || recorder.use_count() > 1) &&
           std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_EQ(memory.use_count(), 1) << release;
    EXPECT_EQ(recorder.use_count(), 1) << release;
  }
}

// Its first response is not yet delivered when the core has released the request, which this
// backend does after it has sent the final flag.
class SlowObserver : public Recorder {
 public:
  void on_response(std::optional<Response> response, bool final) override {
    if (!final) {
      cancellation.get_future().get()->cancel();
      auto gone = released.get_future();
      in_time = gone.wait_for(kPatience) == std::future_status::ready;
    }
    Recorder::on_response(std::move(response), final);
  }
  std::promise<std::shared_ptr<Cancellation>> cancellation;
  std::promise<void> released;
  bool in_time = false;
};

TEST(InferenceTest, TheFinalResponseWaitsForThoseBeingDelivered) {
  auto observer = std::make_shared<SlowObserver>();
  Request request = make_float_request(core().server, "split", {1});
  request.keep(std::shared_ptr<void>(
      nullptr, [&observer = *observer](void*) { observer.released.set_value(); }));
  check(request.set_parameter({"flag", std::string("on_cancel")}));
  observer->cancellation.set_value(unwrap(std::move(request).send(observer)));
  const auto items = observer->wait_final();
  EXPECT_TRUE(observer->in_time);
  ASSERT_THAT(items, SizeIs(2));
  EXPECT_TRUE(items[0].has_response);
  EXPECT_TRUE(items[1].final);
}

TEST(InferenceTest, InputMemoryGoesWithTheReleaseNotWithTheEnd) {
  // The repeat backend releases at once and answers later.
  auto memory = std::make_shared<int>(0);
  auto recorder = std::make_shared<Recorder>();
  Request request = make_float_request(core().server, "repeat", {1});
  request.keep(memory);
  check(request.set_parameter({"responses", std::int64_t{1}}));
  check(request.set_parameter({"interval_ms", std::int64_t{600'000}}));
  auto cancellation = unwrap(std::move(request).send(recorder));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (memory.use_count() > 1 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(memory.use_count(), 1);
  cancellation->cancel();
  EXPECT_EQ(recorder->wait_final().back().error->code, base::Code::kCancelled);
}

TEST(InferenceTest, CancelStopsTheWork) {
  auto recorder = std::make_shared<Recorder>();
  Request request = make_float_request(core().server, "delay", {1});
  check(request.set_parameter({"delay_ms", std::int64_t{600'000}}));
  auto cancellation = unwrap(std::move(request).send(recorder));
  cancellation->cancel();
  const auto items = recorder->wait_final();
  ASSERT_TRUE(items.back().error);
  EXPECT_EQ(items.back().error->code, base::Code::kCancelled);
  cancellation->cancel();
}

TEST(InferenceTest, CancelAfterTheEndIsHarmless) {
  auto recorder = std::make_shared<Recorder>();
  auto cancellation = unwrap(make_float_request(core().server, "identity", {1}).send(recorder));
  recorder->wait_final();
  for (int i = 0; i < 100; ++i) cancellation->cancel();
}

TEST(InferenceTest, CancelMayRaceWithCompletion) {
  for (int i = 0; i < 200; ++i) {
    auto recorder = std::make_shared<Recorder>();
    auto cancellation = unwrap(make_float_request(core().server, "identity", {1}).send(recorder));
    std::thread other([&] { cancellation->cancel(); });
    cancellation->cancel();
    other.join();
    recorder->wait_final();
  }
}

TEST(InferenceTest, SequencesTakeBothKindsOfId) {
  for (const bool text : {false, true}) {
    Request request = make_float_request(core().server, "sequence", {1});
    check(text ? request.set_correlation_id(std::string("a")) : request.set_correlation_id(17));
    check(request.set_flags(kSequenceStart | kSequenceEnd));
    EXPECT_FALSE(run(std::move(request)).at(0).error);
  }
  Request request = make_float_request(core().server, "sequence", {1});
  EXPECT_EQ(request.set_correlation_id(std::string(129, 'x')).error().code,
            base::Code::kUnsupported);
}

TEST(InferenceTest, PriorityAndTimeoutAreAccepted) {
  Request request = make_float_request(core().server, "identity", {1});
  check(request.set_priority(~std::uint64_t{0}));
  check(request.set_timeout_us(1'000'000));
  EXPECT_FALSE(run(std::move(request)).at(0).error);
}

class OwnMemory : public Recorder {
 public:
  base::Result<std::optional<OutputBuffer>> allocate(std::string_view output,
                                                     std::size_t byte_size) override {
    if (refuse) return base::fail(base::Code::kInternal, "no room for " + std::string(output));
    memory.resize(byte_size);
    return OutputBuffer{memory.data(), {}};
  }
  bool refuse = false;
  std::string memory;
};

TEST(InferenceTest, AnObserverMayProvideTheOutputMemory) {
  auto observer = std::make_shared<OwnMemory>();
  unwrap(make_float_request(core().server, "identity", {1, 2}).send(observer));
  observer->wait_final();
  EXPECT_EQ(observer->memory, float_bytes({1, 2}));
}

TEST(InferenceTest, ARefusedAllocationIsTheResponsesError) {
  auto observer = std::make_shared<OwnMemory>();
  observer->refuse = true;
  unwrap(make_float_request(core().server, "identity", {1, 2}).send(observer));
  const auto items = observer->wait_final();
  ASSERT_TRUE(items.at(0).error);
  EXPECT_EQ(items[0].error->message, "no room for OUTPUT0");
}

TEST(InferenceTest, AnObserverMaySendFromItsCallback) {
  struct Chain : Recorder {
    void on_response(std::optional<Response> response, bool final) override {
      if (left-- > 0) {
        auto next = make_float_request(core().server, "identity", {1}).send(self);
        if (!next) throw std::runtime_error(next.error().message);
        return;
      }
      self.reset();
      Recorder::on_response(std::move(response), final);
    }
    int left = 20;
    std::shared_ptr<Chain> self;
  };
  auto chain = std::make_shared<Chain>();
  chain->self = chain;
  unwrap(make_float_request(core().server, "identity", {1}).send(chain));
  chain->wait_final();
}

TEST(InferenceTest, ManyThreadsAtOnce) {
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&right, t] {
      for (int i = 0; i < 50; ++i) {
        const std::vector<float> values(static_cast<std::size_t>(i + 1), static_cast<float>(t));
        const auto items = run(make_float_request(core().server, "identity", values));
        if (items.at(0).text == float_bytes(values)) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

TEST(InferenceTest, BytesTensorsAreCheckedByTheCore) {
  const std::string data("\x02\0\0\0hi", 6);
  EXPECT_EQ(run(make_request(core().server, "text", data, DataType::kBytes, {1})).at(0).text, data);
  auto recorder = std::make_shared<Recorder>();
  EXPECT_FALSE(make_request(core().server, "text", data, DataType::kBytes, {2}).send(recorder));
}

TEST(InferenceTest, UnsentRequestsAndMovesLeaveNothing) {
  Request request = make_float_request(core().server, "identity", {1});
  Request other = std::move(request);
  other = make_float_request(core().server, "identity", {2});
  EXPECT_EQ(run(std::move(other)).at(0).text, float_bytes({2}));
}

}  // namespace
}  // namespace tfe::triton
