// Inference on shared memory, system and device, on the real core.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <variant>

#include "kserve/events.h"
#include "kserve/inference.h"
#include "triton/core_fixture.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using tfe::testing::check;
using tfe::testing::FakeCuda;
using tfe::testing::float_bytes;
using tfe::testing::ShmObject;
using tfe::testing::TestServer;
using tfe::testing::unwrap;
using triton::DataType;

TestServer& core() {
  static auto* const server = new TestServer({
      {.name = "identity"},
      {.name = "text", .type = "TYPE_STRING"},
      {.name = "delay",
       .backend = "delay",
       .extra = "parameters { key: \"delay_ms\" value { string_value: \"300\" } }\n"},
      {.name = "device", .backend = "device"},
      {.name = "repeat",
       .backend = "repeat",
       .extra = "model_transaction_policy { decoupled: true }\n"
                "parameters { key: \"responses\" value { string_value: \"3\" } }\n"},
  });
  return *server;
}

// A fresh frontend's view; the regions of one test are gone with it.
class MemoryInferenceTest : public ::testing::Test {
 public:
  SharedMemory& memory() { return inference.extensions().shared_memory; }

  std::size_t region_count(RegionKind kind = RegionKind::kSystem) {
    return unwrap(memory().status(kind, "")).size();
  }

  std::vector<InferEvent> run(InferRequest request) {
    auto events = std::make_shared<Events>();
    unwrap(inference.submit_single(std::move(request), events));
    return events->wait_final();
  }

  base::Error refusal(InferRequest request) {
    auto call = inference.submit_single(std::move(request), std::make_shared<Events>());
    EXPECT_FALSE(call);
    return call ? base::Error{} : call.error();
  }

  Inference inference{core().server, true};
};

InferRequest request_on(const std::string& model, SharedMemoryRef input, triton::Shape shape,
                        std::optional<SharedMemoryRef> output = std::nullopt,
                        DataType datatype = DataType::kFp32) {
  InferRequest request;
  request.model = model;
  request.inputs.push_back({.name = "INPUT0",
                            .datatype = datatype,
                            .shape = std::move(shape),
                            .data = {},
                            .shared_memory = std::move(input)});
  if (output) {
    request.outputs.push_back({.name = "OUTPUT0", .shared_memory = std::move(output)});
  }
  return request;
}

const ResponseOutput& only_output(const std::vector<InferEvent>& events) {
  if (events.size() != 1 || !events[0].response || events[0].response->outputs.size() != 1) {
    throw std::runtime_error(events.at(0).error ? events[0].error->message : "no response");
  }
  return events[0].response->outputs[0];
}

TEST_F(MemoryInferenceTest, InputAndOutputInOneRegion) {
  ShmObject object(4096);
  object.put(8, float_bytes({1, 2, 3}));
  check(memory().register_system("r", {object.key(), 0, 4096}));
  const auto events = run(request_on("identity", {"r", 8, 12}, {3}, SharedMemoryRef{"r", 100, 12}));
  const ResponseOutput& output = only_output(events);
  EXPECT_TRUE(output.in_shared_memory);
  EXPECT_TRUE(output.data.empty());
  EXPECT_EQ(output.datatype, DataType::kFp32);
  EXPECT_THAT(output.shape, ::testing::ElementsAre(3));
  EXPECT_EQ(object.get(100, 12), float_bytes({1, 2, 3}));
}

TEST_F(MemoryInferenceTest, OneOfBoth) {
  ShmObject object(4096);
  object.put(0, float_bytes({4, 5}));
  check(memory().register_system("r", {object.key(), 0, 4096}));
  const auto in = run(request_on("identity", {"r", 0, 8}, {2}));
  EXPECT_FALSE(only_output(in).in_shared_memory);
  EXPECT_EQ(base::as_text(only_output(in).data), float_bytes({4, 5}));

  const std::string data = float_bytes({6});
  InferRequest request = request_on("identity", {}, {1}, SharedMemoryRef{"r", 64, 4});
  request.inputs[0].shared_memory.reset();
  request.inputs[0].data = base::as_bytes(data);
  EXPECT_TRUE(only_output(run(std::move(request))).in_shared_memory);
  EXPECT_EQ(object.get(64, 4), float_bytes({6}));
}

TEST_F(MemoryInferenceTest, TextTensors) {
  ShmObject object(4096);
  const std::string elements("\2\0\0\0hi\0\0\0\0", 10);
  object.put(0, elements);
  check(memory().register_system("r", {object.key(), 0, 4096}));
  run(request_on("text", {"r", 0, 10}, {2}, SharedMemoryRef{"r", 200, 64}, DataType::kBytes));
  EXPECT_EQ(object.get(200, 10), elements);
}

TEST_F(MemoryInferenceTest, AnEmptyOutputIsInSharedMemoryToo) {
  ShmObject object(64);
  check(memory().register_system("r", {object.key(), 0, 64}));
  InferRequest request = request_on("identity", {}, {0}, SharedMemoryRef{"r", 0, 8});
  request.inputs[0].shared_memory.reset();
  EXPECT_TRUE(only_output(run(std::move(request))).in_shared_memory);
}

TEST_F(MemoryInferenceTest, MistakesInReferences) {
  ShmObject object(64);
  check(memory().register_system("r", {object.key(), 0, 64}));
  const base::Error unknown = refusal(request_on("identity", {"x", 0, 4}, {1}));
  EXPECT_EQ(unknown.code, base::Code::kNotFound);
  EXPECT_EQ(unknown.message, "Unable to find shared memory region: 'x'");
  EXPECT_EQ(refusal(request_on("identity", {"r", 64, 4}, {1})).message,
            "Invalid offset for shared memory region: 'r'");
  EXPECT_EQ(refusal(request_on("identity", {"r", 0, 4}, {1}, SharedMemoryRef{"r", 60, 5})).message,
            "Invalid offset + byte size for shared memory region: 'r'");
  EXPECT_THAT(refusal(request_on("identity", {"r", 0, 8}, {1})).message,
              HasSubstr("input byte size mismatch for input 'INPUT0' for model 'identity'. "
                        "Expected 4, got 8"));
  EXPECT_THAT(refusal(request_on("identity", {"r", 0, 0}, {1})).message,
              HasSubstr("input byte size mismatch"));
  check(memory().unregister(RegionKind::kSystem, "r"));
  EXPECT_EQ(region_count(), 0U) << "what was refused is not in use";
}

TEST_F(MemoryInferenceTest, AnOutputThatIsTooSmall) {
  ShmObject object(64);
  check(memory().register_system("r", {object.key(), 0, 64}));
  const auto events = run(request_on("identity", {"r", 0, 12}, {3}, SharedMemoryRef{"r", 32, 11}));
  ASSERT_THAT(events, SizeIs(1));
  ASSERT_TRUE(events[0].error);
  EXPECT_EQ(events[0].error->code, base::Code::kInternal);
  EXPECT_EQ(events[0].error->message,
            "shared memory size specified with the request for output 'OUTPUT0' (11 bytes) should "
            "be at least 12 bytes to hold the results");
}

TEST_F(MemoryInferenceTest, ATruncatedObjectIsRefused) {
  ShmObject object(2 * 4096);
  check(memory().register_system("r", {object.key(), 0, 2 * 4096}));
  object.resize(4096);
  // The core looks at the text elements of an input while the request is submitted.
  EXPECT_THAT(
      refusal(request_on("text", {"r", 4096, 10}, {2}, std::nullopt, DataType::kBytes)).message,
      HasSubstr("Invalid offset + byte size for shared memory region: 'r'"));
}

TEST_F(MemoryInferenceTest, AnOutputTruncatedMeanwhileIsAnError) {
  ShmObject object(2 * 4096);
  check(memory().register_system("r", {object.key(), 0, 2 * 4096}));
  auto events = std::make_shared<Events>();
  unwrap(inference.submit_single(
      request_on("delay", {"r", 0, 4}, {1}, SharedMemoryRef{"r", 4096, 4}), events));
  object.resize(4096);
  const auto all = events->wait_final();
  ASSERT_TRUE(all[0].error);
  EXPECT_EQ(all[0].error->message,
            "shared memory region 'r' for output 'OUTPUT0' was made smaller after it was "
            "registered");
}

TEST_F(MemoryInferenceTest, ARegionUnregisteredInFlightGoesBeforeTheResponse) {
  struct Probe : InferReceiver {
    explicit Probe(MemoryInferenceTest& owner) : test(owner) {}
    void on_event(InferEvent event) override {
      regions_at_end = test.region_count();
      events.on_event(std::move(event));
    }
    MemoryInferenceTest& test;
    std::size_t regions_at_end = 99;
    Events events;
  };
  ShmObject object(64);
  object.put(0, float_bytes({7}));
  check(memory().register_system("in", {object.key(), 0, 32}));
  check(memory().register_system("out", {object.key(), 32, 32}));
  auto probe = std::make_shared<Probe>(*this);
  unwrap(inference.submit_single(
      request_on("delay", {"in", 0, 4}, {1}, SharedMemoryRef{"out", 0, 4}), probe));
  check(memory().unregister(RegionKind::kSystem, ""));
  EXPECT_EQ(region_count(), 2U);
  probe->events.wait_final();
  EXPECT_EQ(probe->regions_at_end, 0U);
  EXPECT_EQ(object.get(32, 4), float_bytes({7}));
}

TEST_F(MemoryInferenceTest, StreamsKeepTheirRegionsToTheEnd) {
  ShmObject object(64);
  object.put(0, float_bytes({7}));
  check(memory().register_system("r", {object.key(), 0, 64}));
  auto events = std::make_shared<Events>();
  unwrap(inference.submit(request_on("repeat", {"r", 0, 4}, {1}, SharedMemoryRef{"r", 32, 4}),
                          events));
  const auto all = events->wait_final();
  ASSERT_THAT(all, SizeIs(3));
  for (const InferEvent& event : all) {
    ASSERT_TRUE(event.response);
    EXPECT_TRUE(event.response->outputs.at(0).in_shared_memory);
  }
  EXPECT_EQ(object.get(32, 4), float_bytes({7}));
  check(memory().unregister(RegionKind::kSystem, "r"));
  EXPECT_EQ(region_count(), 0U);
}

TEST_F(MemoryInferenceTest, DeviceMemoryCarriesItsAttributes) {
  const FakeCuda fake;
  ShmObject input(4096);
  ShmObject output(4096);
  input.put(4, float_bytes({1, 2}));
  check(memory().register_cuda("in", {input.handle(), 0, 4096}));
  check(memory().register_cuda("out", {output.handle(), 1, 4096}));
  const auto events = run(request_on("device", {"in", 4, 8}, {2}, SharedMemoryRef{"out", 16, 100}));
  EXPECT_TRUE(only_output(events).in_shared_memory);
  EXPECT_TRUE(only_output(events).data.empty());
  EXPECT_EQ(output.get(16, 8), float_bytes({1, 2}));
  std::map<std::string, std::string> told;
  for (const triton::Parameter& parameter : events[0].response->parameters) {
    told[parameter.name] = std::get<std::string>(parameter.value);
  }
  EXPECT_EQ(told["INPUT0_place"], "2:0:8");
  EXPECT_EQ(told["INPUT0_handle"], input.key());
  EXPECT_EQ(told["OUTPUT0_expected"], "2:1");
  EXPECT_EQ(told["OUTPUT0_place"], "2:1:8");
  EXPECT_EQ(told["OUTPUT0_handle"], output.key());
}

TEST_F(MemoryInferenceTest, SystemMemoryHasNoHandle) {
  ShmObject object(4096);
  check(memory().register_system("r", {object.key(), 0, 4096}));
  const auto events = run(request_on("device", {"r", 0, 8}, {2}, SharedMemoryRef{"r", 16, 8}));
  std::map<std::string, std::string> told;
  for (const triton::Parameter& parameter : only_output(events).in_shared_memory
                                                ? events[0].response->parameters
                                                : std::vector<triton::Parameter>()) {
    told[parameter.name] = std::get<std::string>(parameter.value);
  }
  EXPECT_EQ(told["INPUT0_place"], "0:0:8");
  EXPECT_EQ(told["OUTPUT0_expected"], "0:0");
  EXPECT_EQ(told["OUTPUT0_place"], "0:0:8");
  EXPECT_FALSE(told.contains("INPUT0_handle"));
  EXPECT_FALSE(told.contains("OUTPUT0_handle"));
}

TEST_F(MemoryInferenceTest, AFrontendThatDoesNotAllowItFindsNoRegion) {
  ShmObject object(64);
  check(memory().register_system("r", {object.key(), 0, 64}));
  Inference closed(core().server);
  EXPECT_EQ(&closed.extensions(), &inference.extensions());
  for (const bool as_output : {false, true}) {
    InferRequest request = request_on("identity", {"r", 0, 4}, {1});
    if (as_output) {
      request.inputs[0].shared_memory.reset();
      request.outputs.push_back({.name = "OUTPUT0", .shared_memory = SharedMemoryRef{"r", 0, 4}});
    }
    const auto call = closed.submit_single(std::move(request), std::make_shared<Events>());
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().code, base::Code::kNotFound);
    EXPECT_EQ(call.error().message, "Unable to find shared memory region: 'r'");
  }
}

}  // namespace
}  // namespace tfe::kserve
