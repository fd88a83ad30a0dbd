#include "triton/options.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/unique_fd.h"
#include "triton/core_fixture.h"
#include "triton/options_builder.h"

namespace tfe::triton {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tfe::testing::check;
using tfe::testing::ModelSpec;
using tfe::testing::TemporaryDirectory;
using tfe::testing::test_library;
using tfe::testing::test_options;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// What `work` writes to the standard error of the process, past all C++ streams.
template <typename Work>
std::string stderr_of(const std::string& path, Work work) {
  base::UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  base::UniqueFd saved(::dup(STDERR_FILENO));
  ::dup2(file.get(), STDERR_FILENO);
  work();
  ::dup2(saved.get(), STDERR_FILENO);
  return read_file(path);
}

TEST(OptionsTest, AStartAtDefaultsIsSilent) {
  TemporaryDirectory directory;
  const auto library = test_library();
  std::unique_ptr<TestServer> test;
  const std::string text = stderr_of(directory.path() + "/stderr", [&test] {
    test = std::make_unique<TestServer>(std::initializer_list<ModelSpec>{{.name = "m"}});
  });
  EXPECT_THAT(text, IsEmpty());
  EXPECT_TRUE(log_enabled(*library, LogLevel::kError));
}

TEST(OptionsTest, WantedLogsAreWritten) {
  TemporaryDirectory directory;
  const std::string file = directory.path() + "/log";
  {
    tfe::testing::add_model(directory.path(), {.name = "m"});
    ServerOptions options = test_options(directory.path());
    options.log.info = true;
    options.log.file = file;
    auto server = unwrap(Server::create(test_library(), options));
    check(server->stop());
  }
  EXPECT_THAT(read_file(file), HasSubstr("successfully loaded 'm'"));
}

TEST(OptionsTest, AnUnwritableLogFileIsAnError) {
  ServerOptions options = test_options("/nonexistent");
  options.log.file = "/nonexistent/dir/log";
  EXPECT_FALSE(Server::create(test_library(), options));
}

TEST(OptionsTest, EveryFieldReachesTheCore) {
  ServerOptions options = test_options("/nonexistent");
  options.startup_models = {"a", "b"};
  options.model_config_name = "other";
  options.rate_limiter_mode = RateLimitMode::kExecCount;
  options.rate_limiter_resources = {{"R", 4, -1}};
  options.cuda_memory_pool_sizes = {{0, 1U << 20}};
  options.cuda_virtual_address_sizes = {{0, 1U << 20}};
  options.cache_config = {{"local", R"({"size": 1048576})"}};
  options.cache_directory = "/nonexistent";
  options.buffer_manager_thread_count = 1;
  options.model_load_retry_count = 1;
  options.model_namespacing = true;
  options.metrics_interval = 500;
  options.model_load_device_limits = {{InstanceGroupKind::kGpu, 0, 0.5}};
  options.backend_configuration = {{"python", {{"thread-pool-size", "2"}}}, {"", {{"k", "v"}}}};
  options.host_policies = {{"p", {{"numa-node", "0"}}}};
  options.metrics_configuration = {{"", {{"summary_latencies", "true"}}}};
  const auto handle = build_options(*test_library(), options);
  EXPECT_TRUE(handle) << handle.error().message;
}

TEST(OptionsTest, WhatTheCoreRefusesIsReported) {
  ServerOptions options = test_options("/nonexistent");
  options.host_policies = {{"p", {{"no-such-setting", "0"}}}};
  EXPECT_EQ(build_options(*test_library(), options).error().code, base::Code::kUnsupported);
  options.host_policies.clear();
  options.model_load_device_limits = {{InstanceGroupKind::kGpu, 0, 1.5}};
  EXPECT_EQ(build_options(*test_library(), options).error().code, base::Code::kInvalidArgument);
}

TEST(OptionsTest, NamesOfTheServerAreServed) {
  TestServer test({{.name = "m"}}, [](ServerOptions& options) { options.server_id = "my-server"; });
  EXPECT_THAT(unwrap(test.server->metadata()), HasSubstr("\"name\":\"my-server\""));
}

TEST(GpuPresentTest, HiddenDevicesAreNotPresent) {
  for (const char* hidden : {"", "-1", "NoDevFiles"}) {
    ASSERT_EQ(::setenv("CUDA_VISIBLE_DEVICES", hidden, 1), 0);
    EXPECT_FALSE(gpu_present()) << hidden;
  }
  ::unsetenv("CUDA_VISIBLE_DEVICES");
}

TEST(LoggingTest, LevelsComeBackAfterQuiet) {
  const auto library = test_library();
  check(set_log_settings(*library, {.info = false, .warn = true, .error = true, .verbose = 1}));
  {
    QuietLog outer(*library);
    QuietLog inner(*library);
    EXPECT_FALSE(log_enabled(*library, LogLevel::kError));
    EXPECT_FALSE(log_enabled(*library, LogLevel::kVerbose));
    check(set_log_settings(*library, {.warn = false}));
  }
  EXPECT_FALSE(log_enabled(*library, LogLevel::kInfo));
  EXPECT_FALSE(log_enabled(*library, LogLevel::kWarn));
  EXPECT_TRUE(log_enabled(*library, LogLevel::kError));
  EXPECT_TRUE(log_enabled(*library, LogLevel::kVerbose));
}

TEST(LoggingTest, WhatWasSetIsWhatIsTold) {
  TemporaryDirectory directory;
  const auto library = test_library();
  const std::string file = directory.path() + "/log";
  check(set_log_settings(*library, {.info = false,
                                    .warn = true,
                                    .error = true,
                                    .verbose = 3,
                                    .format = LogFormat::kIso8601,
                                    .file = file}));
  EXPECT_FALSE(set_log_settings(*library, {.file = directory.path() + "/none/log"}));
  {
    QuietLog quiet(*library);
    EXPECT_EQ(current_log_settings(*library).verbose, 3);
    EXPECT_EQ(current_log_settings(*library).warn, true);
  }
  const LogSettings now = current_log_settings(*library);
  EXPECT_EQ(now.info, false);
  EXPECT_EQ(now.error, true);
  EXPECT_EQ(now.verbose, 3);
  EXPECT_EQ(now.format, LogFormat::kIso8601);
  EXPECT_EQ(now.file, file);
  check(set_log_settings(*library, {.verbose = 0, .format = LogFormat::kDefault, .file = ""}));
  EXPECT_EQ(current_log_settings(*library).verbose, 0);
}

TEST(LoggingTest, MessagesCarryFileAndLine) {
  TemporaryDirectory directory;
  const auto library = test_library();
  const std::string file = directory.path() + "/log";
  check(set_log_settings(*library, {.info = true, .format = LogFormat::kIso8601, .file = file}));
  check(log_message(*library, LogLevel::kInfo, "dir/mine.py", 42, "hello"));
  check(set_log_settings(*library, {.file = ""}));
  EXPECT_THAT(read_file(file), HasSubstr("mine.py:42"));
  EXPECT_THAT(read_file(file), HasSubstr("hello"));
}

}  // namespace
}  // namespace tfe::triton
