// The service on the real core: health, metadata, inference and the repository.
#include <gtest/gtest.h>

#include "kserve_grpc/service_rig.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

class GrpcService : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    core_ = new TestServer({{.name = "ident"},
                            {.name = "slow", .backend = "delay"},
                            {.name = "repeat",
                             .backend = "repeat",
                             .extra = "model_transaction_policy { decoupled: true }\n"}},
                           [](triton::ServerOptions& options) {
                             options.model_control_mode = triton::ModelControlMode::kExplicit;
                             options.startup_models = {"*"};
                           });
  }
  static void TearDownTestSuite() {
    delete core_;
    core_ = nullptr;
  }

  Answer call(std::string_view method, const std::string& request = {}) {
    return rig_.call(method, request);
  }

  static TestServer* core_;
  ServiceRig rig_{core_->server};
};

TestServer* GrpcService::core_ = nullptr;

TEST_F(GrpcService, IsLiveAndReady) {
  EXPECT_EQ(call("ServerLive").body, "\x08\x01");
  EXPECT_EQ(call("ServerReady").body, "\x08\x01");
  EXPECT_EQ(call("ModelReady", bytes_field(1, "ident")).body, "\x08\x01");
  EXPECT_EQ(call("/grpc.health.v1.Health/Check", bytes_field(1, "any")).body, "\x08\x01");
}

TEST_F(GrpcService, RefusesWhatIsNoMessage) {
  for (const char* method :
       {"ServerLive", "ServerMetadata", "ModelReady", "ModelMetadata", "ModelStatistics",
        "ModelConfig", "ModelInfer", "RepositoryIndex", "RepositoryModelLoad",
        "RepositoryModelUnload", "TraceSetting", "LogSettings", "SystemSharedMemoryStatus",
        "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister", "CudaSharedMemoryStatus",
        "CudaSharedMemoryRegister", "CudaSharedMemoryUnregister"}) {
    const Answer answer = call(method, "\xFF\xFF");
    EXPECT_EQ(answer.status, 13) << method;
    EXPECT_EQ(answer.message, "Unable to parse request") << method;
  }
}

TEST_F(GrpcService, DescribesTheServerAndItsModels) {
  const std::string server = call("ServerMetadata").body;
  EXPECT_EQ(values(server, 1), std::vector<std::string>{"triton"});
  EXPECT_FALSE(values(server, 3).empty());
  const std::string model = call("ModelMetadata", bytes_field(1, "ident")).body;
  EXPECT_EQ(model, bytes_field(1, "ident") + bytes_field(2, "1") + bytes_field(3, "identity") +
                       bytes_field(4, bytes_field(1, "INPUT0") + bytes_field(2, "FP32") +
                                          packed_field(3, {UINT64_MAX})) +
                       bytes_field(5, bytes_field(1, "OUTPUT0") + bytes_field(2, "FP32") +
                                          packed_field(3, {UINT64_MAX})));
}

TEST_F(GrpcService, AnswersAnInference) {
  const Answer answer = call("ModelInfer", float_request("ident"));
  EXPECT_EQ(answer.status, 0) << answer.message;
  EXPECT_EQ(answer.body, bytes_field(1, "ident") + bytes_field(2, "1") + bytes_field(3, "a") +
                             bytes_field(5, bytes_field(1, "OUTPUT0") + bytes_field(2, "FP32") +
                                                packed_field(3, {2})) +
                             bytes_field(6, float_text({1, 2})));
}

TEST_F(GrpcService, CountsInferencesInItsStatistics) {
  call("ModelInfer", float_request("ident"));
  const auto models = values(call("ModelStatistics", bytes_field(1, "ident")).body, 1);
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(values(models[0], 1), std::vector<std::string>{"ident"});
  EXPECT_EQ(values(models[0], 6).size(), 1u);
  EXPECT_EQ(call("ModelStatistics", bytes_field(1, "nope")).status, 3);
}

TEST_F(GrpcService, PassesTheErrorsOfTheCoreOn) {
  const Answer unknown = call("ModelInfer", float_request("n\xC3\xB6pe"));
  EXPECT_EQ(unknown.status, 5);
  EXPECT_EQ(unknown.message, "Request for unknown model: 'n\xC3\xB6pe' is not found");
  const Answer version = call("ModelInfer", float_request("ident", bytes_field(2, "x")));
  EXPECT_EQ(version.status, 3);
  EXPECT_EQ(call("ModelInfer", float_request("ident", bytes_field(2, "7"))).status, 5);
  const Answer input = call(
      "ModelInfer", bytes_field(1, "ident") + input_field("X", "FP32", {1}) + raw_field("1234"));
  EXPECT_EQ(input.status, 3);
  const Answer size = call("ModelInfer", bytes_field(1, "ident") +
                                             input_field("INPUT0", "FP32", {1}) + raw_field("123"));
  EXPECT_EQ(size.status, 3);
  EXPECT_NE(size.message.find("byte size mismatch"), std::string::npos) << size.message;
}

TEST_F(GrpcService, RefusesDecoupledModels) {
  const Answer answer = call("ModelInfer", float_request("repeat"));
  EXPECT_EQ(answer.status, 12);
  EXPECT_EQ(answer.message,
            "ModelInfer RPC doesn't support models with decoupled transaction policy");
}

TEST_F(GrpcService, CancelsAnInferenceWhoseClientIsGone) {
  WaitingExchange exchange;
  const std::string forever = map_field(4, "delay_ms", int64_param(3'600'000));
  const auto sink = rig_.open("ModelInfer", float_request("slow", forever), exchange);
  sink->on_abort();
  // The answer of the core comes long before the hour is over, and is dropped.
  exchange.waiting->run_one();
  EXPECT_FALSE(exchange.done);
}

TEST_F(GrpcService, ListsLoadsAndUnloadsModels) {
  EXPECT_EQ(values(call("RepositoryIndex").body, 1).size(), 3u);
  EXPECT_EQ(values(call("RepositoryIndex", varint_field(2, 1)).body, 1).size(), 3u);
  add_model(core_->repository(), {.name = "late"});
  EXPECT_EQ(call("RepositoryModelLoad", bytes_field(2, "late")).status, 0);
  EXPECT_EQ(call("ModelInfer", float_request("late")).status, 0);
  EXPECT_EQ(call("RepositoryModelUnload", bytes_field(2, "late")).status, 0);
  EXPECT_EQ(call("RepositoryModelLoad", bytes_field(2, "missing")).status, 13);
  std::filesystem::remove_all(core_->repository() + "/late");
}

TEST_F(GrpcService, JudgesTheParametersOfTheRepository) {
  const auto load = [this](std::string_view key, const std::string& choice) {
    return call("RepositoryModelLoad", bytes_field(2, "ident") + map_field(3, key, choice)).message;
  };
  EXPECT_EQ(load("config", varint_field(1, 1)),
            "invalid value type for load parameter 'config', expected string_param.");
  EXPECT_EQ(load("file:1/m", bytes_field(3, "x")),
            "invalid value type for load parameter 'file:1/m', expected bytes_param.");
  EXPECT_EQ(load("nope", bytes_field(3, "x")), "unrecognized load parameter 'nope'.");
  EXPECT_EQ(call("RepositoryModelUnload",
                 bytes_field(2, "ident") + map_field(3, "unload_dependents", bytes_field(3, "x")))
                .message,
            "invalid value type for 'unload_dependents' parameter, expected bool_param.");
  for (const char* method : {"RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"}) {
    const Answer answer = call(method, bytes_field(1, "elsewhere"));
    EXPECT_EQ(answer.status, 12);
    EXPECT_EQ(answer.message, "'repository_name' specification is not supported");
  }
}

TEST_F(GrpcService, LoadsWithAConfigurationOfTheRequest) {
  add_model(core_->repository(), {.name = "configured"});
  const std::string config =
      R"({"backend":"identity","max_batch_size":0,)"
      R"("input":[{"name":"INPUT0","data_type":"TYPE_INT8","dims":[-1]}],)"
      R"("output":[{"name":"OUTPUT0","data_type":"TYPE_INT8","dims":[-1]}]})";
  const Answer answer =
      call("RepositoryModelLoad",
           bytes_field(2, "configured") + map_field(3, "config", bytes_field(3, config)));
  EXPECT_EQ(answer.status, 0) << answer.message;
  const std::string metadata = call("ModelMetadata", bytes_field(1, "configured")).body;
  EXPECT_NE(metadata.find("INT8"), std::string::npos);
  EXPECT_EQ(call("RepositoryModelUnload", bytes_field(2, "configured")).status, 0);
  std::filesystem::remove_all(core_->repository() + "/configured");
}

TEST_F(GrpcService, LeavesTheRestUnimplemented) {
  EXPECT_EQ(call("Nope").status, 12);
  EXPECT_EQ(call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo").status, 12);
}

std::string memory_parameters(std::uint32_t field, std::string_view region, std::int64_t offset,
                              std::int64_t size) {
  return map_field(field, "shared_memory_region", string_param(region)) +
         map_field(field, "shared_memory_offset", int64_param(offset)) +
         map_field(field, "shared_memory_byte_size", int64_param(size));
}

TEST_F(GrpcService, InfersOnSharedMemory) {
  ShmObject object(4096);
  object.put(8, float_text({1, 2}));
  check(rig_.memory().register_system("r", {object.key(), 0, 4096}));
  const auto infer = [&](std::int64_t offset, std::int64_t size) {
    return call(
        "ModelInfer",
        bytes_field(1, "ident") +
            input_field("INPUT0", "FP32", {2}, memory_parameters(4, "r", 8, 8)) +
            bytes_field(6, bytes_field(1, "OUTPUT0") + memory_parameters(2, "r", offset, size)));
  };
  const Answer answer = infer(100, 8);
  EXPECT_EQ(answer.status, 0) << answer.message;
  EXPECT_EQ(answer.body, bytes_field(1, "ident") + bytes_field(2, "1") +
                             bytes_field(5, bytes_field(1, "OUTPUT0") + bytes_field(2, "FP32") +
                                                packed_field(3, {2})) +
                             bytes_field(6, ""));
  EXPECT_EQ(object.get(100, 8), float_text({1, 2}));
  EXPECT_EQ(infer(4090, 8).status, 3);
  EXPECT_EQ(infer(-1, 8).message, "Invalid offset for shared memory region: 'r'");
  const Answer small = infer(100, 7);
  EXPECT_EQ(small.status, 13);
  EXPECT_EQ(small.message,
            "shared memory size specified with the request for output 'OUTPUT0' (7 bytes) should "
            "be at least 8 bytes to hold the results");
  check(rig_.memory().unregister(kserve::RegionKind::kSystem, ""));
  EXPECT_EQ(infer(100, 8).status, 5);
}

TEST(GrpcServiceAfterStop, IsUnavailable) {
  TestServer core({{.name = "ident"}});
  ServiceRig rig(core.server);
  check(core.server->stop());
  for (const char* method : {"ServerLive", "ServerReady", "ServerMetadata", "ModelReady",
                             "ModelMetadata", "ModelInfer", "ModelConfig", "ModelStatistics",
                             "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"}) {
    const std::string named = std::string(method).starts_with("RepositoryModel")
                                  ? bytes_field(2, "ident")
                              : std::string(method).starts_with("Model") ? bytes_field(1, "ident")
                                                                         : std::string();
    const Answer answer = rig.call(method, named);
    EXPECT_EQ(answer.status, 14) << method << ": " << answer.message;
  }
}

}  // namespace
}  // namespace tfe::kserve_grpc
