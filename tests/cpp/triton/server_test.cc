#include "triton/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "triton/core_fixture.h"

namespace tfe::triton {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tfe::testing::check;
using tfe::testing::make_float_request;
using tfe::testing::ModelSpec;
using tfe::testing::Recorder;
using tfe::testing::TemporaryDirectory;
using tfe::testing::test_library;
using tfe::testing::test_options;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

void use_explicit(ServerOptions& options) {
  options.model_control_mode = ModelControlMode::kExplicit;
}
void exit_after_a_second(ServerOptions& options) { options.exit_timeout = 1; }

std::string infer(const std::shared_ptr<Server>& server, const std::string& model) {
  auto recorder = std::make_shared<Recorder>();
  unwrap(make_float_request(server, model, {1}).send(recorder));
  return recorder->wait_final().at(0).text;
}

TEST(ServerTest, AnswersQuestions) {
  TestServer test({{.name = "m", .max_batch_size = 4}, {.name = "plain"}});
  const Server& server = *test.server;
  EXPECT_TRUE(*server.live());
  EXPECT_TRUE(*server.ready());
  EXPECT_TRUE(*server.model_ready("m", -1));
  EXPECT_FALSE(*server.model_ready("nothing", -1));
  EXPECT_THAT(unwrap(server.metadata()), HasSubstr("\"name\":\"triton\""));
  EXPECT_THAT(unwrap(server.model_metadata("m", -1)), HasSubstr("\"shape\":[-1,-1]"));
  EXPECT_THAT(unwrap(server.model_config("m", 1)), HasSubstr("\"max_batch_size\":4"));
  EXPECT_EQ(server.model_config("m", 1, 9).error().code, base::Code::kInvalidArgument);
  EXPECT_THAT(unwrap(server.model_index(true)), HasSubstr("READY"));
  EXPECT_THAT(unwrap(server.model_statistics("", -1)), HasSubstr("plain"));
  EXPECT_THAT(unwrap(server.model_statistics("m", 1)), Not(HasSubstr("plain")));
  EXPECT_THAT(unwrap(server.metrics()), HasSubstr("nv_inference_count"));
  EXPECT_TRUE(server.model_traits("m", -1)->batches_first_dim);
  EXPECT_FALSE(server.model_traits("plain", -1)->batches_first_dim);
  EXPECT_FALSE(server.model_traits("plain", -1)->decoupled);
  EXPECT_EQ(server.model_traits("nothing", -1).error().code, base::Code::kNotFound);
  EXPECT_EQ(server.decoupled("nothing", -1).error().code, base::Code::kNotFound);
  EXPECT_EQ(server.model_metadata("nothing", -1).error().code, base::Code::kNotFound);
}

TEST(ServerTest, NoRepositoryAndAMissingOneAreErrors) {
  ServerOptions options = test_options("/nonexistent");
  EXPECT_THAT(Server::create(test_library(), options).error().message, HasSubstr("/nonexistent"));
  options.model_repositories.clear();
  EXPECT_EQ(Server::create(test_library(), options).error().code, base::Code::kInvalidArgument);
}

TEST(ServerTest, AModelThatDoesNotLoadIsAnErrorUnlessTolerated) {
  TemporaryDirectory repository;
  tfe::testing::add_model(repository.path(), {.name = "bad", .backend = "no_such_backend"});
  ServerOptions options = test_options(repository.path());
  const auto refused = Server::create(test_library(), options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kInternal);
  EXPECT_THAT(refused.error().message, HasSubstr("failed to load all models: 'bad' version 1: "));
  EXPECT_THAT(refused.error().message, HasSubstr("no_such_backend"));
  options.exit_on_error = false;
  auto server = unwrap(Server::create(test_library(), options));
  EXPECT_TRUE(*server->live());
  EXPECT_FALSE(*server->ready());
  EXPECT_THAT(unwrap(server->model_index(false)), HasSubstr("UNAVAILABLE"));
  check(server->stop());
}

TEST(ServerTest, EverythingIsUnavailableAfterStop) {
  TestServer test({{.name = "m"}});
  Server& server = *test.server;
  Request request = make_float_request(test.server, "m", {1});
  std::thread stopper([&] { EXPECT_TRUE(server.stop()); });
  while (!server.stopped()) std::this_thread::yield();
  // While the core is still stopping, because this request exists, and after.
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(server.live().error().message, "Server exiting");
    EXPECT_EQ(server.ready().error().message, "Server exiting");
    for (const base::Error& error :
         {server.model_ready("m", -1).error(), server.metadata().error(),
          server.model_metadata("m", -1).error(), server.model_config("m", -1).error(),
          server.model_index(false).error(), server.model_statistics("", -1).error(),
          server.model_traits("m", -1).error(), server.metrics().error(),
          server.load_model("m", {}).error(), server.unload_model("m", false).error(),
          server.register_repository("/", {}).error(), server.unregister_repository("/").error(),
          server.poll_repository().error(), Request::create(test.server, "m", -1).error()}) {
      EXPECT_EQ(error.code, base::Code::kUnavailable) << error.message;
      EXPECT_EQ(error.message, "Server not ready");
    }
    if (round == 0) {
      auto sent = std::move(request).send(std::make_shared<Recorder>());
      ASSERT_FALSE(sent);
      EXPECT_EQ(sent.error().code, base::Code::kUnavailable);
      stopper.join();
    }
  }
  EXPECT_TRUE(server.stop());
}

TEST(ServerTest, StopWaitsForRequestsInFlight) {
  TestServer test({{.name = "delay", .backend = "delay"}});
  auto recorder = std::make_shared<Recorder>();
  Request request = make_float_request(test.server, "delay", {1});
  check(request.set_parameter({"delay_ms", std::int64_t{300}}));
  unwrap(std::move(request).send(recorder));
  check(test.server->stop());
  EXPECT_FALSE(recorder->wait_final().at(0).error);
}

TEST(ServerTest, AKeptResponseMakesStopFailAndLaterIsHarmless) {
  TestServer test({{.name = "m"}}, exit_after_a_second);
  auto recorder = std::make_shared<Recorder>();
  recorder->keep_responses = true;
  unwrap(make_float_request(test.server, "m", {1}).send(recorder));
  recorder->wait_final();
  const auto status = test.server->stop();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kInternal);
  test.server.reset();
  EXPECT_EQ(base::as_text(unwrap(recorder->responses.at(0).output(0)).data),
            tfe::testing::float_bytes({1}));
  recorder->responses.clear();
  // A failed stop must not keep a new server from working.
  TestServer next({{.name = "m"}});
  EXPECT_EQ(infer(next.server, "m"), tfe::testing::float_bytes({1}));
  check(next.server->stop());
}

TEST(ServerTest, ReferencesGoInAnyOrder) {
  auto test = std::make_unique<TestServer>(std::initializer_list<ModelSpec>{{.name = "m"}});
  auto recorder = std::make_shared<Recorder>();
  recorder->keep_responses = true;
  unwrap(make_float_request(test->server, "m", {1}).send(recorder));
  recorder->wait_final();
  test.reset();  // not stopped; the response holds the server
  recorder->responses.clear();
}

TEST(ServerTest, TheLastReferenceMayGoInACallback) {
  struct LastHolder : Recorder {
    void on_response(std::optional<Response> response, bool final) override {
      Recorder::on_response(std::move(response), final);
    }
  };
  auto recorder = std::make_shared<LastHolder>();
  {
    TestServer test({{.name = "delay", .backend = "delay"}});
    Request request = make_float_request(test.server, "delay", {1});
    check(request.set_parameter({"delay_ms", std::int64_t{100}}));
    unwrap(std::move(request).send(recorder));
  }
  EXPECT_FALSE(recorder->wait_final().at(0).error);
  // Normal exit waits for the thread that stops and deletes the server.
}

TEST(ServerTest, StopInACallbackIsRefused) {
  struct Stopper : Recorder {
    void on_response(std::optional<Response> response, bool final) override {
      status = server->stop();
      Recorder::on_response(std::move(response), final);
    }
    std::shared_ptr<Server> server;
    base::Status status;
  };
  TestServer test({{.name = "m"}});
  auto stopper = std::make_shared<Stopper>();
  stopper->server = test.server;
  unwrap(make_float_request(test.server, "m", {1}).send(stopper));
  stopper->wait_final();
  ASSERT_FALSE(stopper->status);
  EXPECT_EQ(stopper->status.error().code, base::Code::kUnsupported);
  EXPECT_FALSE(test.server->stopped());
}

// What deleting one server takes from the others shows in ensembles only.
class SurvivorTest : public ::testing::Test {
 protected:
  SurvivorTest() {
    tfe::testing::add_model(repository_.path(), {.name = "m"});
    std::filesystem::create_directories(repository_.path() + "/ensemble/1");
    tfe::testing::write_file(repository_.path() + "/ensemble/config.pbtxt",
                             "name: \"ensemble\"\nplatform: \"ensemble\"\n"
                             "input [{ name: \"INPUT0\" data_type: TYPE_FP32 dims: [-1] }]\n"
                             "output [{ name: \"OUTPUT0\" data_type: TYPE_FP32 dims: [-1] }]\n"
                             "ensemble_scheduling { step [{ model_name: \"m\" model_version: -1 "
                             "input_map { key: \"INPUT0\" value: \"INPUT0\" } "
                             "output_map { key: \"OUTPUT0\" value: \"OUTPUT0\" } }] }\n");
    server_ = unwrap(Server::create(test_library(), test_options(repository_.path())));
  }

  void expect_whole() { EXPECT_EQ(infer(server_, "ensemble"), tfe::testing::float_bytes({1})); }

  TemporaryDirectory repository_;
  std::shared_ptr<Server> server_;
};

TEST_F(SurvivorTest, DeletingOneServerLeavesTheOthersWhole) {
  {
    TestServer other({{.name = "m"}});
    EXPECT_EQ(infer(other.server, "m"), tfe::testing::float_bytes({1}));
    check(other.server->stop());
  }
  expect_whole();
  check(server_->stop());
  server_.reset();
  TestServer next({{.name = "m"}});
  EXPECT_EQ(infer(next.server, "m"), tfe::testing::float_bytes({1}));
}

TEST_F(SurvivorTest, AStartThatFailsLeavesTheOthersWhole) {
  EXPECT_FALSE(Server::create(test_library(), test_options("/nonexistent")));
  expect_whole();

  TemporaryDirectory repository;
  tfe::testing::add_model(repository.path(), {.name = "bad", .backend = "no_such_backend"});
  EXPECT_FALSE(Server::create(test_library(), test_options(repository.path())));
  expect_whole();

  // Nothing but the core itself finds this one, and then it takes its memory managers down.
  ServerOptions options = test_options(repository_.path());
  options.cache_config = {{"no_such_cache", "{}"}};
  options.cache_directory = "/nonexistent";
  EXPECT_FALSE(Server::create(test_library(), options));
  expect_whole();
}

TEST(ServerTest, AddressesOfOurServersAreRecognised) {
  TestServer test({{.name = "m"}});
  auto same = unwrap(Server::adopt(test_library(), test.server->address()));
  EXPECT_EQ(same, test.server);
  EXPECT_EQ(test.server->lend_address(), test.server->address());
  EXPECT_EQ(Server::adopt(test_library(), 0).error().code, base::Code::kInvalidArgument);
}

TEST(ServerTest, AForeignServerIsUsedButNeverStopped) {
  // NVIDIA's package would have made this one: unknown to the registry.
  const auto library = test_library();
  TemporaryDirectory repository;
  tfe::testing::add_model(repository.path(), {.name = "m"});
  const Api& api = library->api();
  TRITONSERVER_ServerOptions* options = nullptr;
  TRITONSERVER_Server* handle = nullptr;
  check(call(api, api.ServerOptionsNew, &options));
  check(call(api, api.ServerOptionsSetModelRepositoryPath, options, repository.path().c_str()));
  check(call(api, api.ServerOptionsSetModelControlMode, options, ModelControlMode::kNone));
  check(call(api, api.ServerOptionsSetBackendDirectory, options,
             tfe::testing::require_env("TRITONFRONTEND_TEST_BACKENDS").c_str()));
  check(call(api, api.ServerOptionsSetModelLoadRetryCount, options, 0U));
  check(call(api, api.ServerOptionsSetEnablePeerAccess, options, false));
  check(call(api, api.ServerOptionsSetGpuMetrics, options, false));
  check(call(api, api.ServerOptionsSetPinnedMemoryPoolByteSize, options, std::uint64_t{0}));
  check(call(api, api.ServerNew, &handle, options));
  check(call(api, api.ServerOptionsDelete, options));
  {
    auto server = unwrap(Server::adopt(library, reinterpret_cast<std::uintptr_t>(handle)));
    EXPECT_EQ(infer(server, "m"), tfe::testing::float_bytes({1}));
    EXPECT_EQ(server->stop().error().code, base::Code::kUnsupported);
    EXPECT_FALSE(server->stopped());
  }
  bool live = false;
  check(call(api, api.ServerIsLive, handle, &live));
  EXPECT_TRUE(live);
}

TEST(ServerTest, AForkedChildLeavesTheServerAlone) {
  TestServer test({{.name = "m"}});
  const pid_t child = ::fork();
  if (child == 0) {
    test.server.reset();
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(infer(test.server, "m"), tfe::testing::float_bytes({1}));
}

TEST(ServerTest, SeveralLivesInOneProcess) {
  for (int i = 0; i < 3; ++i) {
    TestServer test({{.name = "m"}});
    EXPECT_EQ(infer(test.server, "m"), tfe::testing::float_bytes({1}));
    check(test.server->stop());
  }
}

class RepositoryTest : public ::testing::Test {
 protected:
  TestServer test_{{{.name = "m"}}, use_explicit};
  Server& server_ = *test_.server;

  void wait_until_unloaded(const std::string& name) {
    const auto end = std::chrono::steady_clock::now() + tfe::testing::kPatience;
    while (*server_.model_ready(name, -1) && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_FALSE(*server_.model_ready(name, -1));
  }
};

TEST_F(RepositoryTest, LoadsAndUnloads) {
  EXPECT_FALSE(*server_.model_ready("m", -1));
  check(server_.load_model("m", {}));
  EXPECT_TRUE(*server_.model_ready("m", -1));
  check(server_.unload_model("m", false));
  wait_until_unloaded("m");
  check(server_.unload_model("nothing", true));
}

TEST_F(RepositoryTest, LoadTakesAConfiguration) {
  const LoadParameter config{.name = "config",
                             .value = std::string(R"({"backend": "identity", "max_batch_size": 8,
        "input": [{"name": "INPUT0", "data_type": "TYPE_FP32", "dims": [-1]}],
        "output": [{"name": "OUTPUT0", "data_type": "TYPE_FP32", "dims": [-1]}]})")};
  const LoadParameter file{
      .name = "file:1/weights", .value = std::string("\0\1", 2), .bytes = true};
  check(server_.load_model("m", std::vector{config}));
  EXPECT_TRUE(server_.model_traits("m", -1)->batches_first_dim);
  check(server_.load_model("fresh", std::vector{config, file}));
  EXPECT_TRUE(*server_.model_ready("fresh", -1));
}

TEST_F(RepositoryTest, BadLoadsAreErrorsWithText) {
  EXPECT_THAT(server_.load_model("nothing", {}).error().message, HasSubstr("nothing"));
  const LoadParameter bad{.name = "config", .value = std::string("{")};
  EXPECT_FALSE(server_.load_model("m", std::vector{bad}));
  const LoadParameter odd{.name = "file:x", .value = std::int64_t{1}, .bytes = true};
  EXPECT_EQ(server_.load_model("m", std::vector{odd}).error().code, base::Code::kInvalidArgument);
}

TEST_F(RepositoryTest, RepositoriesComeAndGo) {
  TemporaryDirectory more;
  tfe::testing::add_model(more.path(), {.name = "dir"});
  // The configuration's name must be the served one.
  tfe::testing::write_file(more.path() + "/dir/config.pbtxt",
                           tfe::testing::model_config({.name = "served"}));
  check(server_.register_repository(
      more.path(), std::vector<std::pair<std::string, std::string>>{{"dir", "served"}}));
  check(server_.load_model("served", {}));
  EXPECT_TRUE(*server_.model_ready("served", -1));
  check(server_.unregister_repository(more.path()));
  EXPECT_FALSE(server_.unregister_repository(more.path()));
}

TEST(ModelControlTest, OtherModesRefuse) {
  TestServer test({{.name = "m"}});
  EXPECT_EQ(test.server->load_model("m", {}).error().code, base::Code::kUnavailable);
}

TEST(ModelControlTest, PollFindsNewModels) {
  TestServer test({{.name = "m"}}, [](ServerOptions& options) {
    options.model_control_mode = ModelControlMode::kPoll;
  });
  tfe::testing::add_model(test.repository(), {.name = "later"});
  check(test.server->poll_repository());
  EXPECT_TRUE(*test.server->model_ready("later", -1));
}

}  // namespace
}  // namespace tfe::triton
