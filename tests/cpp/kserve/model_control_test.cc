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
