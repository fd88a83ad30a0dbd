#include "kserve/model_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "triton/core_fixture.h"

namespace tfe::kserve {
namespace {

using ::testing::HasSubstr;
using tfe::testing::TestServer;

TEST(LoadParameterTest, KindsByName) {
  EXPECT_EQ(load_parameter_kind("config"), LoadParameterKind::kConfig);
  EXPECT_EQ(load_parameter_kind("file:1/model.onnx"), LoadParameterKind::kFile);
  EXPECT_EQ(load_parameter_kind("file"), LoadParameterKind::kUnknown);
  EXPECT_EQ(load_parameter_kind(""), LoadParameterKind::kUnknown);
}

TEST(ModelNameTest, NamesThatLeaveTheRepositoryAreRefused) {
  for (const char* name : {"..", " .. ", ".", "a/b", "../x", "/"}) {
    const auto status = check_model_name(name);
    ASSERT_FALSE(status) << name;
    EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(status.error().message,
              "invalid model name '" + std::string(name) +
                  "', model name must not contain path traversal characters");
  }
  for (const char* name : {"", "  "}) {
    EXPECT_EQ(check_model_name(name).error().message,
              "Model name cannot be empty. Please enter a valid name to deploy.");
  }
  for (const char* name : {"a", "a..b", "...", "model.v1"}) EXPECT_TRUE(check_model_name(name));
}

TEST(RepositoryNameTest, NamingOneIsUnsupported) {
  EXPECT_TRUE(check_repository_name(""));
  EXPECT_EQ(check_repository_name("r").error().code, base::Code::kUnsupported);
}

TEST(ModelControlTest, ParametersThatTheCoreWouldMisread) {
  TestServer test({{.name = "m"}}, [](triton::ServerOptions& options) {
    options.model_control_mode = triton::ModelControlMode::kExplicit;
  });
  const std::string nul(1, '\0');
  for (const std::string& path : {std::string(), std::string("1/"), "1/a" + nul + "b"}) {
    const auto status = load_model(*test.server, "m", {{"file:" + path, "x", true}});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(status.error().message,
              "invalid parameter 'file:" + path +
                  "', expected 'file:' and the path of a file in the model's directory");
  }
  const auto status = load_model(*test.server, "m", {{"config", "{}" + nul, false}});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message,
            "invalid parameter 'config', the text must not contain a NUL byte");
}

TEST(ModelReadyTest, SaysWhyNot) {
  TestServer test({{.name = "m"}}, [](triton::ServerOptions& options) {
    options.model_control_mode = triton::ModelControlMode::kExplicit;
  });
  const auto expect_error = [&](const char* name, std::int64_t version, base::Code code,
                                const std::string& message) {
    const auto ready = model_ready(*test.server, name, version);
    ASSERT_FALSE(ready);
    EXPECT_EQ(ready.error().code, code);
    EXPECT_EQ(ready.error().message, message);
  };
  const std::string unknown = "Request for unknown model: ";
  expect_error("m", -1, base::Code::kNotFound, unknown + "'m' is not found");
  ASSERT_TRUE(load_model(*test.server, "m", {}));
  EXPECT_TRUE(*model_ready(*test.server, "m", -1));
  EXPECT_TRUE(*model_ready(*test.server, "m", 1));
  expect_error("m", 9, base::Code::kNotFound, unknown + "'m' version 9 is not found");
  ASSERT_TRUE(unload_model(*test.server, "m", false));
  expect_error("m", -1, base::Code::kNotFound, unknown + "'m' has no available versions");
  expect_error("m", 1, base::Code::kUnavailable, unknown + "'m' version 1 is not at ready state");
  test.server->stop();
  EXPECT_EQ(model_ready(*test.server, "m", 1).error().code, base::Code::kUnavailable);
}

TEST(ModelControlTest, LoadsAndUnloadsOnTheRealCore) {
  TestServer test({{.name = "m"}}, [](triton::ServerOptions& options) {
    options.model_control_mode = triton::ModelControlMode::kExplicit;
  });
  ASSERT_TRUE(load_model(*test.server, "m", {}));
  EXPECT_TRUE(*test.server->model_ready("m", -1));
  EXPECT_EQ(load_model(*test.server, "../m", {}).error().code, base::Code::kInvalidArgument);
  EXPECT_THAT(load_model(*test.server, "x", {}).error().message, HasSubstr("failed to load 'x'"));
  EXPECT_TRUE(unload_model(*test.server, "m", false));
  EXPECT_TRUE(unload_model(*test.server, "never-there", true));
}

}  // namespace
}  // namespace tfe::kserve
