// Damaged messages to every method: whatever they say, each call is answered, and the next one too.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "kserve_grpc/service_rig.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

// A valid message of each kind that has fields.
const std::map<std::string, std::string>& samples() {
  static const std::string model = bytes_field(1, "m") + bytes_field(2, "1");
  static const std::string region =
      bytes_field(1, "r") + bytes_field(2, "/tfe_none") + varint_field(3, 8) + varint_field(4, 64);
  static const std::map<std::string, std::string> all{
      {"ModelReady", model},
      {"ModelMetadata", model},
      {"ModelConfig", model},
      {"ModelStatistics", model},
      {"ModelInfer",
       bytes_field(1, "m") + bytes_field(3, "id") + map_field(4, "p", string_param("v")) +
           input_field("INPUT0", "FP32", {2}, map_field(4, "x", int64_param(1))) +
           bytes_field(6,
                       bytes_field(1, "OUTPUT0") + map_field(2, "classification", int64_param(1))) +
           raw_field(float_text({1, 2}))},
      {"RepositoryIndex", bytes_field(1, "") + varint_field(2, 1)},
      {"RepositoryModelLoad", bytes_field(2, "m") + map_field(3, "config", bytes_field(3, "{}"))},
      {"RepositoryModelUnload",
       bytes_field(2, "n") + map_field(3, "unload_dependents", "\x08\x01")},
      {"TraceSetting", map_field(1, "trace_rate", bytes_field(1, "7")) + bytes_field(2, "m")},
      {"LogSettings", map_field(1, "log_format", bytes_field(3, "default"))},
      {"SystemSharedMemoryStatus", bytes_field(1, "r")},
      {"SystemSharedMemoryRegister", region},
      {"SystemSharedMemoryUnregister", bytes_field(1, "r")},
      {"CudaSharedMemoryStatus", bytes_field(1, "r")},
      {"CudaSharedMemoryRegister",
       bytes_field(1, "c") + bytes_field(2, std::string(64, 'h')) + varint_field(4, 64)},
      {"CudaSharedMemoryUnregister", bytes_field(1, "c")},
  };
  return all;
}

// The same damage in every run.
std::string damaged(std::string message, std::mt19937& random) {
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  for (std::size_t times = 1 + below(3); times > 0 && !message.empty(); --times) {
    const std::size_t at = below(message.size());
    switch (below(4)) {
      case 0:
        message[at] = static_cast<char>(random());
        break;
      case 1:
        message.resize(at);
        break;
      case 2:
        message.insert(at, 1 + below(12), static_cast<char>(random()));
        break;
      default:
        message += message.substr(at);
    }
  }
  return message;
}

TEST(DamagedMessages, AreAnswered) {
  TestServer core({{.name = "m"}});
  ServiceRig rig(core.server);
  std::mt19937 random(1);
  for (const auto& [method, message] : samples()) {
    for (int round = 0; round < 100; ++round) {
      const Answer answer = rig.call(method, damaged(message, random));
      ASSERT_GE(answer.status, 0) << method;
      ASSERT_TRUE(answer.status == 0 || !answer.message.empty()) << method;
    }
  }
  EXPECT_EQ(rig.call("ModelInfer", float_request("m")).status, 0);
  EXPECT_EQ(rig.context->admission.requests(), 0U);
  triton::LogSettings quiet;
  quiet.verbose = 0;
  check(triton::set_log_settings(core.server->library(), quiet));
}

}  // namespace
}  // namespace tfe::kserve_grpc
