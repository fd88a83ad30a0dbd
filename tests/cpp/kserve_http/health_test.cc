// Health on the real core, where not everything is well.
#include <gtest/gtest.h>

#include "kserve_http/service_rig.h"

namespace tfe::kserve_http {
namespace {

ModelSpec broken() {
  ModelSpec spec = identity("broken");
  spec.extra = "parameters { key: \"load_error\" value { string_value: \"on purpose\" } }\n";
  return spec;
}

void expect_not_ready(Rig& rig) {
  const TestResponse ready = rig.get("/v2/health/ready");
  EXPECT_EQ(ready.status, 400);
  EXPECT_EQ(ready.body, "");
  EXPECT_EQ(ready.header("content-type"), "text/plain");
}

TEST(Health, StrictReadinessNeedsEveryModel) {
  Rig rig({identity("m"), broken()}, {}, [](triton::ServerOptions& options) {
    options.exit_on_error = false;
    options.strict_readiness = true;
  });
  EXPECT_ANSWER(rig.get("/v2/health/live"), 200, "");
  expect_not_ready(rig);
  EXPECT_ANSWER(rig.get("/v2/models/m/ready"), 200, "");
  for (const char* target : {"/v2/models/broken/ready", "/v2/models/broken/versions/1/ready"}) {
    const TestResponse answer = rig.get(target);
    EXPECT_EQ(answer.status, target == std::string("/v2/models/broken/ready") ? 404 : 503);
    EXPECT_TRUE(answer.body.starts_with(R"({"error":"Request for unknown model: 'broken' )"))
        << answer.body;
  }
}

TEST(Health, WithoutStrictReadinessTheServerIsEnough) {
  Rig rig({identity("m"), broken()}, {}, [](triton::ServerOptions& options) {
    options.exit_on_error = false;
    options.strict_readiness = false;
  });
  EXPECT_ANSWER(rig.get("/v2/health/ready"), 200, "");
}

TEST(Health, AStoppedServerIsUnavailable) {
  Rig rig({identity("m")});
  testing::check(rig.core.server->stop());
  for (const char* target : {"/v2/health/live", "/v2/health/ready", "/v2/models/m/ready",
                             "/v2/models/m", "/v2/models/m/stats", "/v2"}) {
    const TestResponse answer = rig.get(target);
    EXPECT_EQ(answer.status, 503) << target;
    EXPECT_TRUE(answer.body.starts_with(R"({"error":")")) << answer.body;
  }
}

}  // namespace
}  // namespace tfe::kserve_http
