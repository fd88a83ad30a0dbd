// The Vertex AI endpoints on the real core, called without a protocol.
#include "cloud/vertex_ai.h"

#include <gtest/gtest.h>

#include "cloud/default_model.h"
#include "kserve_http/test_client.h"
#include "triton/core_fixture.h"

namespace tfe::cloud {
namespace {

using kserve_http::TestResponse;
using testing::ModelSpec;
using testing::TestServer;

class Vertex {
 public:
  explicit Vertex(std::vector<std::string> restricted = {})
      : core({{.name = "net"}, {.name = "other"}}),
        handler({core.server, kserve::Inference(core.server), executor, kserve_http::Options{},
                 testing::unwrap(kserve::AccessPolicy::parse(restricted))},
                {.predict_route = "/p.edict", .health_route = "/health", .default_model = "net"}) {}

  TestResponse call(std::string method, std::string target, std::string body = {},
                    std::vector<http::HeaderView> headers = {}) {
    return kserve_http::call(
        handler, {std::move(method), std::move(target), std::move(body), std::move(headers)});
  }
  TestResponse redirect(std::string_view path, std::string body = "{}",
                        std::vector<http::HeaderView> headers = {}) {
    headers.push_back({"X-Vertex-Ai-Triton-Redirect", path});
    return call("POST", "/p.edict", std::move(body), std::move(headers));
  }

  TestServer core;
  kserve::Executor executor{2, 100};
  VertexAi handler;
};

const char* const kInfer =
    R"({"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1,2]}]})";

TEST(VertexAi, Routes) {
  Vertex vertex;
  EXPECT_EQ(vertex.call("GET", "/health").status, 200);
  EXPECT_EQ(vertex.call("POST", "/health").status, 405);
  EXPECT_EQ(vertex.call("GET", "/p.edict").status, 405);
  const auto predicted = vertex.call("POST", "/p.edict?x", kInfer);
  EXPECT_EQ(predicted.status, 200) << predicted.body;
  EXPECT_NE(predicted.body.find(R"("model_name":"net")"), std::string::npos);
  // The route is no regular expression.
  EXPECT_EQ(vertex.call("POST", "/predict", kInfer).status, 404);
  EXPECT_EQ(vertex.call("GET", "/v2/health/ready").status, 404);
}

TEST(VertexAi, RedirectsThatRead) {
  Vertex vertex;
  for (const char* path :
       {"v2", "v2/health/live", "v2/health/ready", "v2/models/net", "v2/models/net/ready",
        "v2/models/net/config", "v2/models/net/stats", "v2/models/stats", "v2/repository/index",
        "v2/models/net/versions/1", "metrics"}) {
    const auto response = vertex.redirect(path);
    EXPECT_EQ(response.status, 200) << path << response.body;
  }
  EXPECT_NE(vertex.redirect("v2/models/other").body.find("other"), std::string::npos);
  EXPECT_EQ(vertex.redirect("v2/models/nope").status, 404);
  EXPECT_EQ(vertex.redirect("metrics").header("content-type"), "text/plain");
}

TEST(VertexAi, RedirectsThatInfer) {
  Vertex vertex;
  const auto response = vertex.redirect("v2/models/other/infer", kInfer);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_NE(response.body.find(R"("model_name":"other")"), std::string::npos);
  EXPECT_EQ(vertex.redirect("v2/models/other/versions/9/infer", kInfer).status, 404);
}

TEST(VertexAi, RedirectsThatAreRefused) {
  Vertex vertex;
  for (const char* path :
       {"v2/repository/models/net/load", "v2/repository/models/net/unload",
        "v2/systemsharedmemory/region/r/register", "v2/cudasharedmemory/unregister"}) {
    EXPECT_EQ(vertex.redirect(path).status, 403) << path;
  }
  for (const char* path : {"", "/v2", "v2/models/net/generate", "v2/logging", "v2/trace/setting"}) {
    const auto response = vertex.redirect(path);
    EXPECT_EQ(response.status, 400) << path;
    EXPECT_TRUE(response.body.starts_with(R"({"error":"redirect target ')")) << response.body;
  }
  const http::HeaderView header{"x-vertex-ai-triton-redirect", "v2"};
  EXPECT_EQ(vertex.call("GET", "/p.edict", "", {header}).status, 405);
}

TEST(VertexAi, RestrictedGroupsAreThoseOfTheTarget) {
  Vertex vertex({"inference:key=i", "metadata:key=m", "statistics:key=s", "health:key=h",
                 "model-repository:key=r"});
  EXPECT_EQ(vertex.call("GET", "/health").status, 403);
  EXPECT_EQ(vertex.call("GET", "/health", "", {{"key", "h"}}).status, 200);
  EXPECT_EQ(vertex.call("POST", "/p.edict", kInfer).status, 403);
  EXPECT_EQ(vertex.call("POST", "/p.edict", kInfer, {{"key", "i"}}).status, 200);
  EXPECT_EQ(vertex.redirect("v2/models/net/infer", kInfer).status, 403);
  EXPECT_EQ(vertex.redirect("v2/models/net/infer", kInfer, {{"key", "i"}}).status, 200);
  EXPECT_EQ(vertex.redirect("v2", "", {{"key", "i"}}).status, 403);
  EXPECT_EQ(vertex.redirect("v2", "", {{"key", "m"}}).status, 200);
  EXPECT_EQ(vertex.redirect("metrics", "", {{"key", "m"}}).status, 403);
  EXPECT_EQ(vertex.redirect("metrics", "", {{"key", "s"}}).status, 200);
  // Not for whom the group is open either.
  EXPECT_EQ(vertex.redirect("v2/repository/models/net/load", "", {{"key", "r"}}).status, 403);
}

TEST(DefaultModel, TheOnlyOneOrTheNamedOne) {
  TestServer one({{.name = "net"}});
  EXPECT_EQ(testing::unwrap(find_default_model(*one.server, "")), "net");
  EXPECT_EQ(testing::unwrap(find_default_model(*one.server, "net")), "net");
  EXPECT_EQ(find_default_model(*one.server, "x").error().message,
            "Expect the default model 'x' is loaded");
  TestServer two({{.name = "a"}, {.name = "b"}});
  EXPECT_EQ(find_default_model(*two.server, "").error().message,
            "Expect the model repository contains only a single model if default model is not "
            "specified");
  EXPECT_EQ(testing::unwrap(find_default_model(*two.server, "b")), "b");
}

}  // namespace
}  // namespace tfe::cloud
