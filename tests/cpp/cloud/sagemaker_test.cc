#include "cloud/sagemaker_fixture.h"

namespace tfe::cloud {
namespace {

TEST_F(SageMakerTest, PingTellsReadinessOrLiveness) {
  EXPECT_EQ(call("GET", "/ping").status, 200);
  EXPECT_EQ(call("GET", "/ping").body, "");
  EXPECT_EQ(call("POST", "/ping").status, 405);
  EXPECT_EQ(call("POST", "/ping").header("allow"), "GET, HEAD");
  make({.ping_mode = "live"});
  EXPECT_EQ(call("GET", "/ping").status, 200);
}

TEST_F(SageMakerTest, AModelComesAndGoes) {
  add("abc");
  EXPECT_EQ(call("GET", "/models").body, R"({"models":[]})");
  const auto loaded = load("abc");
  EXPECT_EQ(loaded.status, 200) << loaded.body;
  EXPECT_EQ(loaded.body, "");
  EXPECT_EQ(logged_, "Loading SageMaker TargetModel: abc\n");
  const std::string described =
      R"({"modelName":"abc","modelUrl":")" + (root_ / "abc").string() + "\"}";
  EXPECT_EQ(call("GET", "/models").body, "{\"models\":[" + described + "]}");
  EXPECT_EQ(call("GET", "/models/abc").body, described);
  const auto inferred = call("POST", "/models/abc/invoke", infer_body());
  EXPECT_EQ(inferred.status, 200) << inferred.body;
  EXPECT_NE(inferred.body.find(R"("data":[1.0,2.0])"), std::string::npos) << inferred.body;
  const auto unloaded = call("DELETE", "/models/abc");
  EXPECT_EQ(unloaded.status, 200) << unloaded.body;
  EXPECT_EQ(unloaded.body, "");
  EXPECT_EQ(call("GET", "/models/abc").status, 404);
  EXPECT_EQ(call("POST", "/models/abc/invoke", infer_body()).status, 404);
  EXPECT_EQ(call("DELETE", "/models/abc").status, 404);
  EXPECT_EQ(load("abc").status, 200);
}

TEST_F(SageMakerTest, ATargetNameIsTheCoresName) {
  add("abc");
  const http::HeaderView target{kTarget, "houston/net.tar.gz"};
  ASSERT_EQ(load("abc", {target}).status, 200);
  EXPECT_EQ(logged_, "Loading SageMaker TargetModel: houston/net.tar.gz\n");
  EXPECT_EQ(call("GET", "/models").body.find("{}"), std::string::npos);
  EXPECT_NE(call("GET", "/models").body.find(R"("modelName":"abc")"), std::string::npos);
  const auto named = call("POST", "/models/abc/invoke", infer_body(), {target});
  EXPECT_EQ(named.status, 200) << named.body;
  EXPECT_NE(named.body.find("houston/net.tar.gz"), std::string::npos);
  EXPECT_EQ(call("POST", "/models/abc/invoke", infer_body()).status, 200);
  const auto other = call("POST", "/models/abc/invoke", infer_body(), {{kTarget, "else"}});
  EXPECT_EQ(other.status, 400);
  EXPECT_EQ(other.body,
            R"({"error":"model 'abc' is loaded as 'houston/net.tar.gz', not as 'else'"})");
  EXPECT_EQ(call("DELETE", "/models/abc").status, 200);
}

TEST_F(SageMakerTest, LoadsThatAreRefused) {
  add("abc");
  ASSERT_EQ(load("abc").status, 200);
  const auto again = load("abc");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.body, R"({"error":"model 'abc' is already loaded"})");
  add("def");
  const auto taken = load("def", {{kTarget, "abc"}});
  EXPECT_EQ(taken.status, 409) << taken.body;
  // Another name for the same folder.
  const auto same = call("POST", "/models", R"({"model_name":"x","url":")" + url("abc") + "\"}");
  EXPECT_EQ(same.status, 409) << same.body;
  // What was refused left nothing behind.
  EXPECT_EQ(load("def").status, 200);
}

TEST_F(SageMakerTest, BadLoadBodies) {
  for (const char* body :
       {"", "{", "[]", "xyz", "{}", R"({"model_name":"m"})", R"({"url":"/u"})",
        R"({"model_name":"m","url":""})", R"({"model_name":"m","url":1})",
        R"({"model_name":"","url":"/opt/ml/models/a/model"})",
        R"({"model_name":"m","url":"/dev/null"})", R"({"model_name":"m","url":"/etc"})"}) {
    const auto response = call("POST", "/models", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_TRUE(response.body.starts_with(R"({"error":")")) << body << response.body;
  }
  EXPECT_EQ(call("GET", "/models").body, R"({"models":[]})");
}

TEST_F(SageMakerTest, AModelThatFailsToLoad) {
  add("abc", {.extra = R"(parameters { key: "load_error" value { string_value: "broken" } })"});
  const auto response = load("abc");
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("broken"), std::string::npos) << response.body;
  EXPECT_EQ(call("GET", "/models/abc").status, 404);
  // Its repository is not registered any more.
  add("abc");
  EXPECT_EQ(load("abc").status, 200);
}

TEST_F(SageMakerTest, OutOfMemoryIs507) {
  add("abc",
      {.extra =
           R"(parameters { key: "load_error" value { string_value: "CUDA out of memory" } })"});
  EXPECT_EQ(load("abc").status, 507);
  add("def", {.backend = "fail"});
  ASSERT_EQ(load("def").status, 200);
  const auto failed = call("POST", "/models/def/invoke",
                           infer_body(R"({"error_message":"CUBLAS_STATUS_ALLOC_FAILED"})"));
  EXPECT_EQ(failed.status, 507) << failed.body;
  // Whatever the code, other failures are 400.
  EXPECT_EQ(call("POST", "/models/def/invoke", infer_body(R"({"error_code":3})")).status, 400);
  EXPECT_EQ(call("POST", "/models/def/invoke", "{").status, 400);
}

TEST_F(SageMakerTest, MethodsAndPaths) {
  add("abc");
  ASSERT_EQ(load("abc").status, 200);
  EXPECT_EQ(call("GET", "/models/abc/invoke").status, 405);
  EXPECT_EQ(call("GET", "/models/abc/invoke").header("allow"), "POST");
  EXPECT_EQ(call("GET", "/invocations").status, 405);
  EXPECT_EQ(call("PUT", "/models/abc").status, 405);
  EXPECT_EQ(call("POST", "/models/abc/foo").status, 404);
  EXPECT_EQ(call("POST", "/nowhere").body, R"({"error":"Not Found"})");
  EXPECT_EQ(call("GET", "/v2/health/ready").status, 404);
}

TEST_F(SageMakerTest, InvocationsUseTheDefaultModel) {
  add("abc");
  ASSERT_EQ(load("abc").status, 200);
  make({.default_model = "abc"});
  EXPECT_EQ(call("POST", "/invocations", infer_body()).status, 200);
  make({.default_model = "nowhere"});
  EXPECT_EQ(call("POST", "/invocations", infer_body()).status, 404);
  make({.default_model = "abc", .inference_type = "chat"});
  const auto response = call("POST", "/invocations", infer_body());
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body,
            R"({"error":"Server has invalid inference type 'chat'. Must be one of: infer, )"
            R"(generate, generate_stream."})");
}

TEST_F(SageMakerTest, RestrictedGroups) {
  access_ = testing::unwrap(kserve::AccessPolicy::parse(
      {"model-repository:key=repo", "inference:key=infer", "health:key=health"}));
  make({.default_model = "abc"});
  add("abc");
  EXPECT_EQ(call("GET", "/ping").status, 403);
  EXPECT_EQ(call("GET", "/ping", "", {{"Key", "health"}}).status, 200);
  for (const char* method : {"GET", "POST", "DELETE", "PUT"}) {
    EXPECT_EQ(call(method, "/models/abc").status, 403) << method;
    EXPECT_EQ(call(method, "/models/abc", "", {{"key", "infer"}}).status, 403) << method;
  }
  EXPECT_EQ(load("abc").status, 403);
  EXPECT_EQ(load("abc", {{"key", "repo"}}).status, 200);
  EXPECT_EQ(call("GET", "/models").status, 403);
  EXPECT_EQ(call("GET", "/models", "", {{"key", "repo"}}).status, 200);
  EXPECT_EQ(call("POST", "/models/abc/invoke", infer_body()).status, 403);
  EXPECT_EQ(call("GET", "/models/abc/invoke").status, 403);
  EXPECT_EQ(call("POST", "/models/abc/invoke", infer_body(), {{"key", "infer"}}).status, 200);
  EXPECT_EQ(call("POST", "/invocations", infer_body()).status, 403);
  EXPECT_EQ(call("POST", "/invocations", infer_body(), {{"key", "infer"}}).status, 200);
}

TEST_F(SageMakerTest, AStoppedServerAnswers) {
  add("abc");
  ASSERT_EQ(load("abc").status, 200);
  ASSERT_TRUE(core_.server->stop());
  EXPECT_EQ(call("DELETE", "/models/abc").status, 503);
  EXPECT_EQ(load("def").status, 400) << "there is none";
  add("def");
  EXPECT_EQ(load("def").status, 503);
  EXPECT_EQ(call("POST", "/models/abc/invoke", infer_body()).status, 400);
  EXPECT_EQ(call("GET", "/ping").status, 503);
}

}  // namespace
}  // namespace tfe::cloud
