#include "http/router.h"

#include <gtest/gtest.h>

namespace tfe::http {
namespace {

TEST(Router, KnowsEveryEndpoint) {
  EXPECT_EQ(route("/v2").endpoint, Endpoint::kServerMetadata);
  EXPECT_EQ(route("/v2/health/live").endpoint, Endpoint::kServerLive);
  EXPECT_EQ(route("/v2/health/ready").endpoint, Endpoint::kServerReady);
  EXPECT_EQ(route("/v2/models/m").endpoint, Endpoint::kModelMetadata);
  EXPECT_EQ(route("/v2/models/m/ready").endpoint, Endpoint::kModelReady);
  EXPECT_EQ(route("/v2/models/m/config").endpoint, Endpoint::kModelConfig);
  EXPECT_EQ(route("/v2/models/m/stats").endpoint, Endpoint::kModelStatistics);
  EXPECT_EQ(route("/v2/models/stats").endpoint, Endpoint::kModelStatistics);
  EXPECT_EQ(route("/v2/models/m/infer").endpoint, Endpoint::kInfer);
  EXPECT_EQ(route("/v2/models/m/versions/1/infer").endpoint, Endpoint::kInfer);
  EXPECT_EQ(route("/v2/models/m/generate").endpoint, Endpoint::kGenerate);
  EXPECT_EQ(route("/v2/models/m/versions/1/generate_stream").endpoint, Endpoint::kGenerateStream);
  EXPECT_EQ(route("/v2/models/m/trace/setting").endpoint, Endpoint::kTraceSetting);
  EXPECT_EQ(route("/v2/trace/setting").endpoint, Endpoint::kTraceSetting);
  EXPECT_EQ(route("/v2/logging").endpoint, Endpoint::kLogging);
  EXPECT_EQ(route("/v2/systemsharedmemory/status").endpoint, Endpoint::kSystemMemoryStatus);
  EXPECT_EQ(route("/v2/systemsharedmemory/register").endpoint, Endpoint::kSystemMemoryRegister);
  EXPECT_EQ(route("/v2/systemsharedmemory/region/r/unregister").endpoint,
            Endpoint::kSystemMemoryUnregister);
  EXPECT_EQ(route("/v2/cudasharedmemory/region/r/status").endpoint, Endpoint::kCudaMemoryStatus);
  EXPECT_EQ(route("/v2/cudasharedmemory/region/r/register").endpoint,
            Endpoint::kCudaMemoryRegister);
  EXPECT_EQ(route("/v2/cudasharedmemory/unregister").endpoint, Endpoint::kCudaMemoryUnregister);
  EXPECT_EQ(route("/v2/repository/index").endpoint, Endpoint::kRepositoryIndex);
  EXPECT_EQ(route("/v2/repository/r/index").endpoint, Endpoint::kRepositoryIndex);
  EXPECT_EQ(route("/v2/repository/models/m/load").endpoint, Endpoint::kRepositoryLoad);
  EXPECT_EQ(route("/v2/repository/r/models/m/unload").endpoint, Endpoint::kRepositoryUnload);
}

TEST(Router, CapturesNamesAndVersions) {
  const Route infer = route("/v2/models/my-model/versions/012/infer?x=/y");
  EXPECT_EQ(infer.model.view(), "my-model");
  EXPECT_EQ(infer.version, "012");
  const Route load = route("/v2/repository/models/models/m/load");
  EXPECT_EQ(load.repository.view(), "models");
  EXPECT_EQ(load.model.view(), "m");
  EXPECT_TRUE(route("/v2/models/stats").model.empty());
  EXPECT_TRUE(route("/v2/trace/setting").model.empty());
  EXPECT_EQ(route("/v2/models/m/trace/setting").model.view(), "m");
  EXPECT_EQ(route("/v2/systemsharedmemory/region/a%20b/status").region.view(), "a b");
  EXPECT_TRUE(route("/v2/systemsharedmemory/status").region.empty());
  EXPECT_EQ(route("/v2/models/stats/ready").model.view(), "stats");
}

TEST(Router, DecodesNames) {
  EXPECT_EQ(route("/v2/models/sp%20ace/infer").model.view(), "sp ace");
  EXPECT_EQ(route("/v2/models/a%2Fb/infer").model.view(), "a/b");
  EXPECT_EQ(route("/v2/models/caf%C3%a9").model.view(), "caf\xC3\xA9");
  // What cannot be decoded, and what would end a name in C, stays as it is.
  EXPECT_EQ(route("/v2/models/a%zz").model.view(), "a%zz");
  EXPECT_EQ(route("/v2/models/a%2").model.view(), "a%2");
  EXPECT_EQ(route("/v2/models/a%00b").model.view(), "a%00b");
  // A version is never encoded.
  EXPECT_EQ(route("/v2/models/a/versions/%31").endpoint, Endpoint::kUnknown);
}

TEST(Router, RefusesEverythingElse) {
  for (const char* target : {"/",
                             "",
                             "*",
                             "/v2/",
                             "/V2",
                             "/v2/health",
                             "/v2/health/live/",
                             "/v2//health/live",
                             "/v2x",
                             "/v2/models",
                             "/v2/models/",
                             "/v2/models/m/",
                             "/v2/models/m/foo",
                             "/v2/models/m/versions",
                             "/v2/models/m/versions/",
                             "/v2/models/m/versions/v1",
                             "/v2/models/m/versions/-1",
                             "/v2/models//infer",
                             "/v2/models/m/versions/1/foo",
                             "/v2/repository",
                             "/v2/repository/models/m",
                             "/v2/repository/models/m/foo",
                             "/v2/repository//index",
                             "/v2/repository/a/b/index",
                             "/v2/repository/models//load",
                             "/base/v2/health/live",
                             "/v2/models/m/versions/1/trace/setting",
                             "/v2/trace",
                             "/v2/logging/",
                             "/v2/systemsharedmemory",
                             "/v2/systemsharedmemory/region/status",
                             "/v2/systemsharedmemory/region//status",
                             "/v2/systemsharedmemoryregion/r/status",
                             "/v2/cudasharedmemory/region/r",
                             "/v2/cudasharedmemory/region/r/status/",
                             "/v2/models/m/generate/stream",
                             "/v2/models/m/infer/"}) {
    EXPECT_EQ(route(target).endpoint, Endpoint::kUnknown) << target;
  }
}

TEST(Router, IgnoresTheQuery) {
  EXPECT_EQ(route("/v2?").endpoint, Endpoint::kServerMetadata);
  EXPECT_EQ(route("/v2/health/live?a=/b?c").endpoint, Endpoint::kServerLive);
  EXPECT_EQ(path_of("/metrics?x"), "/metrics");
}

}  // namespace
}  // namespace tfe::http
