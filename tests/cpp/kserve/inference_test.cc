#include "kserve/inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kserve/events.h"
#include "kserve/model_control.h"
#include "triton/core_fixture.h"

namespace tfe::kserve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tfe::testing::float_bytes;
using tfe::testing::TestServer;
using tfe::testing::unwrap;
using triton::DataType;

const char* const kDecoupled = "model_transaction_policy { decoupled: true }\n";

TestServer& core() {
  static auto* const server = new TestServer({
      {.name = "identity"},
      {.name = "batched", .dims = "3", .max_batch_size = 4},
      {.name = "text", .type = "TYPE_STRING"},
      {.name = "fail", .backend = "fail"},
      {.name = "delay", .backend = "delay"},
      {.name = "split", .backend = "split"},
      {.name = "repeat", .backend = "repeat", .extra = kDecoupled},
      {.name = "sequence",
       .extra = "sequence_batching { max_sequence_idle_microseconds: 1000000 }\n"},
  });
  return *server;
}

InferRequest request_for(const std::string& model, const std::vector<float>& values,
                         triton::Shape shape = {}) {
  InferRequest request;
  request.model = model;
  auto data = std::make_shared<const std::string>(float_bytes(values));
  if (shape.empty()) shape = {static_cast<std::int64_t>(values.size())};
  request.inputs.push_back({.name = "INPUT0",
                            .datatype = DataType::kFp32,
                            .shape = std::move(shape),
                            .data = base::as_bytes(*data),
                            .shared_memory = std::nullopt});
  request.memory.push_back(data);
  return request;
}

RequestedOutput output(const std::string& name, std::uint32_t classification = 0) {
  return {.name = name, .classification = classification, .shared_memory = std::nullopt};
}

std::vector<InferEvent> single(InferRequest request) {
  Inference inference(core().server);
  auto events = std::make_shared<Events>();
  unwrap(inference.submit_single(std::move(request), events));
  return events->wait_final();
}

std::vector<InferEvent> stream(InferRequest request) {
  Inference inference(core().server);
  auto events = std::make_shared<Events>();
  unwrap(inference.submit(std::move(request), events));
  return events->wait_final();
}

base::Error refusal(InferRequest request) {
  Inference inference(core().server);
  auto events = std::make_shared<Events>();
  auto call = inference.submit_single(std::move(request), events);
  EXPECT_FALSE(call);
  EXPECT_EQ(events.use_count(), 1);
  return call ? base::Error{} : call.error();
}

TEST(KserveInferenceTest, AResponseIsAValueWithViews) {
  InferRequest request = request_for("identity", {1, 2});
  request.id = "id-1";
  request.outputs = {output("OUTPUT0")};
  const auto events = single(std::move(request));
  ASSERT_THAT(events, SizeIs(1));
  ASSERT_TRUE(events[0].response);
  const InferResponse& response = *events[0].response;
  EXPECT_EQ(response.model_name, "identity");
  EXPECT_EQ(response.model_version, 1);
  EXPECT_EQ(response.id, "id-1");
  EXPECT_THAT(response.parameters, IsEmpty());
  ASSERT_THAT(response.outputs, SizeIs(1));
  EXPECT_EQ(response.outputs[0].name, "OUTPUT0");
  EXPECT_EQ(response.outputs[0].datatype, DataType::kFp32);
  EXPECT_THAT(response.outputs[0].shape, ElementsAre(2));
  EXPECT_EQ(base::as_text(response.outputs[0].data), float_bytes({1, 2}));
}

TEST(KserveInferenceTest, InputMemoryIsGivenUp) {
  auto memory = std::make_shared<int>(0);
  InferRequest request = request_for("identity", {1});
  request.memory.push_back(memory);
  single(std::move(request));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (memory.use_count() > 1 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(memory.use_count(), 1);
}

TEST(KserveInferenceTest, ModelErrorsAreEvents) {
  InferRequest request = request_for("fail", {1});
  request.parameters = {{"error_message", std::string("broken")}};
  const auto events = single(std::move(request));
  ASSERT_TRUE(events.at(0).error);
  EXPECT_FALSE(events[0].response);
  EXPECT_EQ(events[0].error->code, base::Code::kInternal);
  EXPECT_EQ(events[0].error->message, "broken");
}

TEST(KserveInferenceTest, ASeparateFinalFlagIsWaitedFor) {
  const auto events = single(request_for("split", {1}));
  ASSERT_THAT(events, SizeIs(1));
  EXPECT_TRUE(events[0].response);
  EXPECT_TRUE(events[0].final);
}

TEST(KserveInferenceTest, AnyOtherNumberOfResponsesIsAnError) {
  for (const std::int64_t count : {0, 2, 5}) {
    InferRequest request = request_for("repeat", {1});
    request.parameters = {{"responses", count}};
    const auto events = single(std::move(request));
    ASSERT_THAT(events, SizeIs(1));
    ASSERT_TRUE(events[0].error);
    EXPECT_EQ(events[0].error->code, base::Code::kInternal);
    EXPECT_EQ(events[0].error->message, "expected a single response, got " + std::to_string(count));
  }
}

TEST(KserveInferenceTest, StreamsDeliverEveryResponse) {
  InferRequest request = request_for("repeat", {1});
  request.parameters = {{"responses", std::int64_t{3}}, {"final", std::string("separate")}};
  const auto events = stream(std::move(request));
  ASSERT_THAT(events, SizeIs(4));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(events[i].response);
    EXPECT_FALSE(events[i].final);
  }
  EXPECT_FALSE(events[3].response);
  EXPECT_FALSE(events[3].error);
}

TEST(KserveInferenceTest, DecoupledModelsAreRefusedWhereOneResponseIsDue) {
  const Inference inference(core().server);
  EXPECT_TRUE(inference.check_single_response("identity", -1, "text"));
  const auto decoupled = inference.check_single_response("repeat", -1, "not for decoupled");
  EXPECT_EQ(decoupled.error().code, base::Code::kUnsupported);
  EXPECT_EQ(decoupled.error().message, "not for decoupled");
  EXPECT_EQ(inference.check_single_response("nothing", -1, "text").error().code,
            base::Code::kNotFound);
}

TEST(KserveInferenceTest, ClassificationReplacesTheOutput) {
  InferRequest request = request_for("batched", {1, 3, 2, 9, 8, 7}, {2, 3});
  request.outputs = {output("OUTPUT0", 2)};
  const auto events = single(std::move(request));
  ASSERT_TRUE(events.at(0).response) << events[0].error->message;
  const ResponseOutput& classes = events[0].response->outputs.at(0);
  EXPECT_EQ(classes.datatype, DataType::kBytes);
  EXPECT_THAT(classes.shape, ElementsAre(2, 2));
  EXPECT_EQ(base::as_text(classes.data).substr(4, 10), "3.000000:1");
}

TEST(KserveInferenceTest, ClassificationOfTextIsAnErrorAfterExecution) {
  InferRequest request;
  request.model = "text";
  auto data = std::make_shared<const std::string>("\x01\0\0\0a", 5);
  request.inputs.push_back({.name = "INPUT0",
                            .datatype = DataType::kBytes,
                            .shape = {1},
                            .data = base::as_bytes(*data),
                            .shared_memory = std::nullopt});
  request.memory.push_back(data);
  request.outputs = {output("OUTPUT0", 1)};
  const auto events = single(std::move(request));
  ASSERT_TRUE(events.at(0).error);
  EXPECT_THAT(events[0].error->message, HasSubstr("unsupported type 'BYTES'"));
}

TEST(KserveInferenceTest, RawInputIsTheWholeBody) {
  InferRequest request;
  request.model = "identity";
  auto data = std::make_shared<const std::string>(float_bytes({7, 8}));
  request.raw_input = base::as_bytes(*data);
  request.memory.push_back(data);
  const auto events = single(std::move(request));
  ASSERT_TRUE(events.at(0).response);
  EXPECT_EQ(base::as_text(events[0].response->outputs.at(0).data), *data);
}

TEST(KserveInferenceTest, SequencesStartAndEnd) {
  for (const bool text : {false, true}) {
    InferRequest request = request_for("sequence", {1});
    if (text) {
      request.sequence_id = std::string("a");
    } else {
      request.sequence_id = std::uint64_t{5};
    }
    request.flags = triton::kSequenceStart | triton::kSequenceEnd;
    EXPECT_TRUE(single(std::move(request)).at(0).response);
  }
  EXPECT_THAT(refusal(request_for("sequence", {1})).message, HasSubstr("correlation ID"));
}

TEST(KserveInferenceTest, RefusalsNameWhatIsWrong) {
  EXPECT_EQ(refusal(request_for("nothing", {1})).code, base::Code::kNotFound);

  InferRequest twice = request_for("identity", {1});
  twice.inputs.push_back(twice.inputs[0]);
  EXPECT_EQ(refusal(std::move(twice)).message,
            "[request id: <id_unknown>] input 'INPUT0' already exists in request");

  InferRequest outputs = request_for("identity", {1});
  outputs.id = "x";
  outputs.outputs = {output("OUTPUT0"), output("OUTPUT0")};
  EXPECT_EQ(refusal(std::move(outputs)).message,
            "[request id: x] output 'OUTPUT0' already exists in request");

  InferRequest unknown = request_for("identity", {1});
  unknown.outputs = {output("NOTHING")};
  EXPECT_EQ(refusal(std::move(unknown)).message,
            "unexpected inference output 'NOTHING' for model 'identity'");

  InferRequest wrong = request_for("identity", {1});
  wrong.inputs[0].datatype = DataType::kInvalid;
  EXPECT_THAT(refusal(std::move(wrong)).message, HasSubstr("data-type is '<invalid>'"));

  EXPECT_THAT(refusal(request_for("batched", {1, 2, 3}, {1, 2})).message,
              HasSubstr("unexpected shape"));
}

TEST(KserveInferenceTest, UnknownSharedMemoryRegionsAreNamed) {
  InferRequest input = request_for("identity", {1});
  input.inputs[0].shared_memory = SharedMemoryRef{.region = "r", .offset = 0, .byte_size = 4};
  const base::Error error = refusal(std::move(input));
  EXPECT_EQ(error.code, base::Code::kNotFound);
  EXPECT_EQ(error.message, "Unable to find shared memory region: 'r'");

  InferRequest out = request_for("identity", {1});
  out.outputs = {output("OUTPUT0")};
  out.outputs[0].shared_memory = SharedMemoryRef{.region = "q", .offset = 0, .byte_size = 4};
  EXPECT_EQ(refusal(std::move(out)).message, "Unable to find shared memory region: 'q'");
}

TEST(KserveInferenceTest, CancelledCallsEndWithAnError) {
  Inference inference(core().server);
  auto events = std::make_shared<Events>();
  InferRequest request = request_for("delay", {1});
  request.parameters = {{"delay_ms", std::int64_t{600'000}}};
  InferCall call = unwrap(inference.submit_single(std::move(request), events));
  call->cancel();
  ASSERT_TRUE(events->wait_final().at(0).error);
  EXPECT_EQ(events->wait_final().at(0).error->code, base::Code::kCancelled);
}

TEST(KserveInferenceTest, ModelsThatAreKnownToBeBrokenAreUnavailable) {
  core().server->faults().set({{"identity", {"loading it again"}}});
  const auto error = refusal(request_for("identity", {1}));
  EXPECT_EQ(error.code, base::Code::kUnavailable);
  EXPECT_EQ(error.message, "model 'identity' is unavailable: loading it again");
  EXPECT_FALSE(unwrap(model_ready(*core().server, "identity", -1)));
  EXPECT_TRUE(unwrap(model_ready(*core().server, "text", -1)));
  core().server->faults().set({});
  EXPECT_FALSE(single(request_for("identity", {1})).at(0).error);
  EXPECT_TRUE(unwrap(model_ready(*core().server, "identity", -1)));
}

TEST(KserveInferenceTest, WhatIsStuckHasItsRequestsUnlessOthersServe) {
  core().server->faults().set({{"identity", {"hung", true}}, {"text", {"loading it again"}}});
  EXPECT_FALSE(single(request_for("identity", {1})).at(0).error);
  EXPECT_FALSE(unwrap(model_ready(*core().server, "identity", -1)));
  bool others = true;
  Inference inference(core().server, false, [&others] { return others; });
  const auto submit = [&](const char* model) {
    return inference.submit_single(request_for(model, {1}), std::make_shared<Events>());
  };
  for (const auto& [model, text] : {std::pair{"identity", "hung"}, {"text", "loading it again"}}) {
    const auto call = submit(model);
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().code, base::Code::kElsewhere);
    EXPECT_EQ(call.error().message, std::string("model '") + model +
                                        "' is unavailable on this worker: " + text +
                                        "; another worker serves it");
  }
  EXPECT_TRUE(submit("delay"));
  others = false;
  EXPECT_TRUE(submit("identity"));
  EXPECT_EQ(submit("text").error().code, base::Code::kUnavailable);
  core().server->faults().set({});
  others = true;
  EXPECT_TRUE(submit("identity"));
}

TEST(KserveInferenceTest, AStoppedServerIsUnavailable) {
  TestServer test({{.name = "m"}});
  tfe::testing::check(test.server->stop());
  Inference inference(test.server);
  auto call = inference.submit_single(request_for("m", {1}), std::make_shared<Events>());
  EXPECT_EQ(call.error().code, base::Code::kUnavailable);
  EXPECT_EQ(inference.check_single_response("m", -1, "text").error().code,
            base::Code::kUnavailable);
}

}  // namespace
}  // namespace tfe::kserve
