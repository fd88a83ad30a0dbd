#include "triton/startup_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "triton/core_fixture.h"

namespace tfe::triton {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tfe::testing::add_model;
using tfe::testing::TemporaryDirectory;
using tfe::testing::test_library;
using tfe::testing::test_options;

TEST(ModelIndexTest, ReadsTheCoresText) {
  const auto index = parse_model_index(
      R"([{"name":"a","version":"1","state":"UNAVAILABLE","reason":"no \"b\"\nin C:\\{x}, [y]"},)"
      R"( {"name":"m","version":"2","state":"READY"},{"name":"only"}])");
  ASSERT_THAT(index, SizeIs(3));
  EXPECT_EQ(index[0].reason, R"(no "b" in C:\{x}, [y])");
  EXPECT_FALSE(index[0].ready());
  EXPECT_EQ(index[1].version, "2");
  EXPECT_TRUE(index[1].ready());
  EXPECT_EQ(index[2].name, "only");
  EXPECT_THAT(index[2].state, IsEmpty());
}

TEST(ModelIndexTest, OtherTextIsNoTrouble) {
  for (const char* text : {"", "[]", "{", "{\"", "{\"a", "{\"a\":", "{\"a\":\"b\\", "}{", "null",
                           "[{\"name\":\"a\",\"reason\":\"cut"}) {
    EXPECT_THAT(parse_model_index(text), IsEmpty()) << text;
  }
}

TEST(MissingModelsTest, EveryVersionMustBeReady) {
  const std::vector<ModelIndexEntry> index = {{"a", "1", "READY", ""},
                                              {"a", "2", "UNAVAILABLE", "broken"}};
  ServerOptions options;
  EXPECT_EQ(missing_models(options, index), "'a' version 2: broken");
  options.model_control_mode = ModelControlMode::kExplicit;
  EXPECT_EQ(missing_models(options, index), "'a' version 2: broken");
}

TEST(MissingModelsTest, ExplicitControlAsksForStartupModelsOnly) {
  const std::vector<ModelIndexEntry> index = {{"a", "1", "READY", ""}, {"b", "", "", ""}};
  ServerOptions options;
  EXPECT_THAT(missing_models(options, index), HasSubstr("'b': not loaded"));
  options.model_control_mode = ModelControlMode::kExplicit;
  EXPECT_THAT(missing_models(options, index), IsEmpty());
  options.startup_models = {"a"};
  EXPECT_THAT(missing_models(options, index), IsEmpty());
  options.startup_models = {"a", "absent"};
  EXPECT_THAT(missing_models(options, index), HasSubstr("'absent': not loaded"));
  options.startup_models = {"*"};
  EXPECT_THAT(missing_models(options, index), HasSubstr("'b': not loaded"));
}

// What the core accepts and refuses with its own exit_on_error must be what we do.
class StartTest : public ::testing::Test {
 protected:
  std::string start() {
    auto server = Server::create(test_library(), options_);
    return server ? "started" : server.error().message;
  }

  TemporaryDirectory repository_;
  ServerOptions options_ = test_options(repository_.path());
};

TEST_F(StartTest, AnEmptyRepositoryIsFine) { EXPECT_EQ(start(), "started"); }

TEST_F(StartTest, FilesBesideTheModelsAreFine) {
  add_model(repository_.path(), {.name = "m"});
  tfe::testing::write_file(repository_.path() + "/README", "text");
  EXPECT_EQ(start(), "started");
}

TEST_F(StartTest, ADirectoryThatIsNoModelIsNot) {
  add_model(repository_.path(), {.name = "m"});
  std::filesystem::create_directories(repository_.path() + "/empty");
  EXPECT_THAT(start(), HasSubstr("'empty'"));
}

TEST_F(StartTest, ABrokenConfigurationIsNamed) {
  add_model(repository_.path(), {.name = "bad", .extra = "no such field"});
  EXPECT_THAT(start(), HasSubstr("failed to load all models: 'bad'"));
}

TEST_F(StartTest, AModelWithoutVersionsIsNamedAlsoIfReadinessIsLax) {
  add_model(repository_.path(), {.name = "bare"});
  std::filesystem::remove_all(repository_.path() + "/bare/1");
  EXPECT_THAT(start(), HasSubstr("'bare'"));
  options_.strict_readiness = false;
  EXPECT_THAT(start(), HasSubstr("'bare'"));
}

TEST_F(StartTest, AModelInTwoRepositoriesIsNamed) {
  TemporaryDirectory second;
  add_model(repository_.path(), {.name = "m"});
  add_model(second.path(), {.name = "m"});
  options_.model_repositories.push_back(second.path());
  EXPECT_THAT(start(), HasSubstr("'m': model appears in two or more repositories"));
}

TEST_F(StartTest, StartupModelsDecideUnderExplicitControl) {
  add_model(repository_.path(), {.name = "m"});
  add_model(repository_.path(), {.name = "bad", .backend = "no_such_backend"});
  options_.model_control_mode = ModelControlMode::kExplicit;
  EXPECT_EQ(start(), "started");
  options_.startup_models = {"m"};
  EXPECT_EQ(start(), "started");
  options_.startup_models = {"absent"};
  EXPECT_THAT(start(), HasSubstr("'absent'"));
  options_.startup_models = {"*"};
  EXPECT_THAT(start(), HasSubstr("'bad' version 1: "));
}

}  // namespace
}  // namespace tfe::triton
