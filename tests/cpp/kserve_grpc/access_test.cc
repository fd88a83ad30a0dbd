// What a call's metadata decides: restricted protocols and forwarded parameters.
#include "kserve_grpc/access.h"

#include <gtest/gtest.h>

#include "kserve_grpc/forwarded_metadata.h"
#include "kserve_grpc/service_rig.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h
using kserve::Api;

TestServer& core() {
  static auto* const shared = new TestServer({{.name = "m"}});
  return *shared;
}

TEST(AccessTest, EveryMethodHasItsGroup) {
  const auto group = [](const std::string& method) {
    return api_of(std::string(kService) + method);
  };
  EXPECT_EQ(group("ServerLive"), Api::kHealth);
  EXPECT_EQ(group("ModelReady"), Api::kHealth);
  EXPECT_EQ(group("ServerMetadata"), Api::kMetadata);
  EXPECT_EQ(group("ModelStreamInfer"), Api::kInference);
  EXPECT_EQ(group("ModelConfig"), Api::kModelConfig);
  EXPECT_EQ(group("ModelStatistics"), Api::kStatistics);
  EXPECT_EQ(group("RepositoryModelLoad"), Api::kModelRepository);
  EXPECT_EQ(group("CudaSharedMemoryRegister"), Api::kSharedMemory);
  EXPECT_EQ(group("TraceSetting"), Api::kTrace);
  EXPECT_EQ(group("LogSettings"), Api::kLogging);
  EXPECT_EQ(api_of("/grpc.health.v1.Health/Check"), Api::kHealth);
  EXPECT_EQ(api_of("/grpc.health.v1.Health/Watch"), Api::kHealth);
  EXPECT_EQ(group("Nope"), std::nullopt);
  EXPECT_EQ(api_of("/other.Service/ServerLive"), std::nullopt);
}

// A method that is added to the service and not to the table could not be restricted.
TEST(AccessTest, NoMethodIsForgotten) {
  ServiceRig rig(core().server, [](Context& context) {
    context.access = unwrap(kserve::AccessPolicy::parse(
        {"health,metadata,inference,shared-memory,model-config,model-repository,statistics,trace,"
         "logging:key=value"},
        kserve::Protocol::kGrpc));
  });
  for (const char* method : {"ServerLive",
                             "ServerReady",
                             "ModelReady",
                             "ServerMetadata",
                             "ModelMetadata",
                             "ModelInfer",
                             "ModelConfig",
                             "ModelStatistics",
                             "RepositoryIndex",
                             "RepositoryModelLoad",
                             "RepositoryModelUnload",
                             "SystemSharedMemoryStatus",
                             "SystemSharedMemoryRegister",
                             "SystemSharedMemoryUnregister",
                             "CudaSharedMemoryStatus",
                             "CudaSharedMemoryRegister",
                             "CudaSharedMemoryUnregister",
                             "TraceSetting",
                             "LogSettings",
                             "/grpc.health.v1.Health/Check"}) {
    // Refused at the head: no message is waited for.
    WaitingExchange exchange;
    rig.start(method, exchange);
    ASSERT_TRUE(exchange.done) << method;
    EXPECT_EQ(exchange.status, 14) << method;
    EXPECT_EQ(exchange.message,
              "This protocol is restricted, expecting header 'triton-grpc-protocol-key'");
    EXPECT_NE(rig.call(method, {}, {{"triton-grpc-protocol-key", "value"}}).message,
              exchange.message);
  }
  EXPECT_EQ(rig.call("Nope").status, 12) << "an unknown method tells nothing about restrictions";
}

TEST(AccessTest, TheFirstValueCounts) {
  ServiceRig rig(core().server, [](Context& context) {
    context.access =
        unwrap(kserve::AccessPolicy::parse({"health:Admin=word"}, kserve::Protocol::kGrpc));
  });
  const auto status = [&](const Headers& headers) {
    return rig.call("ServerLive", {}, headers).status;
  };
  EXPECT_EQ(status({{"triton-grpc-protocol-admin", "word"}}), 0);
  EXPECT_EQ(status({{"triton-grpc-protocol-admin", "Word"}}), 14);
  EXPECT_EQ(status({{"triton-grpc-protocol-admin", "x"}, {"triton-grpc-protocol-admin", "word"}}),
            14);
  EXPECT_EQ(status({{"admin", "word"}}), 14);
  EXPECT_EQ(rig.call("ServerMetadata").status, 0);
}

// Name and value of what is forwarded with a pattern, or the refusal.
std::string forwarded(std::string_view pattern, const Headers& headers) {
  Context context{.server = core().server,
                  .inference = kserve::Inference(core().server),
                  .executor = kserve::Executor(1, 1)};
  context.forwarding = unwrap(kserve::HeaderForwarding::compile(pattern));
  context.access =
      unwrap(kserve::AccessPolicy::parse({"health:admin=word"}, kserve::Protocol::kGrpc));
  kserve::InferRequest request;
  const auto status = ForwardedMetadata(context, grpc::Metadata(headers)).add_to(request);
  if (!status) return status.error().message;
  std::string text;
  for (const triton::Parameter& parameter : request.parameters) {
    text += parameter.name + "=" + std::get<std::string>(parameter.value) + ";";
  }
  return text;
}

TEST(ForwardedMetadataTest, TakesWhatMatches) {
  const Headers headers{{"te", "trailers"},       {"content-type", "application/grpc"},
                        {"x-a", " 1 "},           {"x-b", "2"},
                        {"user-agent", "me"},     {"x-a", "3"},
                        {"x-c-bin", "aGk, eW91"}, {"grpc-timeout", "1S"}};
  EXPECT_EQ(forwarded("", headers), "");
  EXPECT_EQ(forwarded("^x-", headers), "x-a= 1 ;x-b=2;x-a=3;x-c-bin=hi;x-c-bin=you;");
  EXPECT_EQ(forwarded(".*", headers), "x-a= 1 ;x-b=2;user-agent=me;x-a=3;x-c-bin=hi;x-c-bin=you;");
}

TEST(ForwardedMetadataTest, SecretsStayHere) {
  EXPECT_EQ(forwarded(".*", {{"triton-grpc-protocol-admin", "word"}, {"a", "b"}}), "a=b;");
}

TEST(ForwardedMetadataTest, ReservedNamesAreRefused) {
  EXPECT_EQ(forwarded(".*", {{"sequence_id", "1"}}),
            "Header 'sequence_id' is reserved for Triton usage and cannot be forwarded.");
  EXPECT_EQ(forwarded(".*", {{"triton_x", "1"}}),
            "Header 'triton_x' is reserved for Triton usage and cannot be forwarded.");
  EXPECT_EQ(forwarded("^x-", {{"sequence_id", "1"}}), "");
}

TEST(ForwardedMetadataTest, ThePriorityOfHttpIsNoParameter) {
  for (const char* value : {"u=1", "u=3, i", "i", ""}) {
    EXPECT_EQ(forwarded(".*", {{"priority", value}, {"a", "b"}}), "a=b;") << value;
  }
  EXPECT_EQ(forwarded(".*", {{"priority", "1"}}),
            "Header 'priority' is reserved for Triton usage and cannot be forwarded.");
}

TEST(ForwardedMetadataTest, ValuesThatAreLostAreRefused) {
  EXPECT_EQ(forwarded("x", {{"x-bin", "YQBi"}}),
            "metadata 'x-bin' is forwarded and must not contain a NUL byte");
  EXPECT_EQ(forwarded("y", {{"x-bin", "YQBi"}}), "");
  EXPECT_EQ(forwarded("x", {{"x-bin", "!"}}),
            "Error parsing 'x-bin' metadata: illegal base64 encoding");
}

}  // namespace
}  // namespace tfe::kserve_grpc
