// Repository control on the real core.
#include <gtest/gtest.h>

#include "kserve_http/service_rig.h"

namespace tfe::kserve_http {
namespace {

TEST(Repository, Index) {
  Rig rig({identity("m")}, {}, explicit_control);
  for (const char* target : {"/v2/repository/index", "/v2/repository/any/index"}) {
    EXPECT_ANSWER(rig.post(target, ""), 200, R"([{"name":"m"}])");
  }
  EXPECT_ANSWER(rig.post("/v2/repository/index", R"({"ready":true})"), 200, "[]");
  EXPECT_ANSWER(rig.post("/v2/repository/index", "[]"), 200, R"([{"name":"m"}])");
  for (const std::string& value : {std::string("1"), std::string("null"),
                                   std::string(250'000, '[') + std::string(250'000, ']')}) {
    EXPECT_ANSWER(rig.post("/v2/repository/index", "{\"ready\":" + value + "}"), 400,
                  R"({"error":"Invalid value for 'ready': expected a boolean"})");
  }
  EXPECT_EQ(rig.post("/v2/repository/index", "{").status, 500);
}

TEST(Repository, LoadAndUnload) {
  Rig rig({identity("m")}, {}, explicit_control);
  const TestResponse loaded = rig.post("/v2/repository/models/m/load", "");
  EXPECT_EQ(loaded.status, 200) << loaded.body;
  EXPECT_EQ(loaded.body, "");
  EXPECT_EQ(loaded.header("content-type"), "application/json");
  EXPECT_EQ(rig.post("/v2/models/m/infer", infer_body("FP32", "[1]", "[1]")).status, 200);
  EXPECT_ANSWER(rig.post("/v2/repository/index", R"({"ready":true})"), 200,
                R"([{"name":"m","version":"1","state":"READY"}])");
  const std::string config =
      R"({\"name\":\"m\",\"backend\":\"identity\",\"max_batch_size\":0,\"input\":[{\"name\":)"
      R"(\"INPUT0\",\"data_type\":\"TYPE_INT8\",\"dims\":[-1]}],\"output\":[{\"name\":\"OUTPUT0\",)"
      R"(\"data_type\":\"TYPE_INT8\",\"dims\":[-1]}],\"instance_group\":[{\"kind\":\"KIND_CPU\"}]})";
  EXPECT_ANSWER(
      rig.post("/v2/repository/models/m/load", R"({"parameters":{"config":")" + config + "\"}}"),
      200, "");
  EXPECT_EQ(rig.post("/v2/models/m/infer", infer_body("INT8", "[1]", "[1]")).status, 200);
  EXPECT_ANSWER(
      rig.post("/v2/repository/models/m/unload", R"({"parameters":{"unload_dependents":false}})"),
      200, "");
  EXPECT_ANSWER(rig.post("/v2/repository/models/unknown/unload", ""), 200, "");
}

TEST(Repository, Errors) {
  Rig rig({identity("m")}, {}, explicit_control);
  for (const char* verb : {"load", "unload"}) {
    EXPECT_ANSWER(rig.post("/v2/repository/r/models/m/" + std::string(verb), "{"), 501,
                  R"({"error":"'repository_name' specification is not supported"})");
    const std::string target = "/v2/repository/models/m/" + std::string(verb);
    EXPECT_EQ(rig.post(target, "{\"a\":}").status, 500);
    EXPECT_ANSWER(rig.post(target, R"({"parameters":1})"), 500,
                  R"({"error":"attempt to get members for non-object"})");
  }
  const std::string load = "/v2/repository/models/m/load";
  EXPECT_ANSWER(rig.post(load, R"({"parameters":{"what":1}})"), 500,
                R"({"error":"attempt to access JSON non-string as string"})");
  EXPECT_ANSWER(rig.post(load, R"({"parameters":{"what":"x"}})"), 500,
                R"({"error":"unexpected error on creating Triton parameter"})");
  // Triton ignores the mistake and unloads.
  EXPECT_ANSWER(
      rig.post("/v2/repository/models/m/unload", R"({"parameters":{"unload_dependents":"yes"}})"),
      500,
      R"({"error":"Unable to parse 'unload_dependents': attempt to access JSON )"
      R"(non-boolean as boolean"})");
  EXPECT_ANSWER(rig.post("/v2/repository/models/x/load", ""), 500,
                R"({"error":"failed to load 'x', failed to poll from model repository"})");
  EXPECT_EQ(rig.post("/v2/repository/models/..%2Fm/load", "").status, 400);
}

TEST(Repository, FileOverrides) {
  Rig rig({identity("m")}, {}, explicit_control);
  const std::string config =
      R"({\"name\":\"f\",\"backend\":\"identity\",\"input\":[{\"name\":\"INPUT0\",\"data_type\":)"
      R"(\"TYPE_FP32\",\"dims\":[-1]}],\"output\":[{\"name\":\"OUTPUT0\",\"data_type\":)"
      R"(\"TYPE_FP32\",\"dims\":[-1]}],\"instance_group\":[{\"kind\":\"KIND_CPU\"}]})";
  EXPECT_ANSWER(rig.post("/v2/repository/models/f/load", R"({"parameters":{"config":")" + config +
                                                             R"(","file:1/data.bin":"aGVsbG8="}})"),
                200, "");
  EXPECT_EQ(rig.get("/v2/models/f/ready").status, 200);
  const std::string name(300, 'x');
  const TestResponse longer =
      rig.post("/v2/repository/models/f/load", R"({"parameters":{"config":")" + config +
                                                   R"(","file:)" + name + R"(":"aGVsbG8="}})");
  EXPECT_EQ(longer.status, 500);
  EXPECT_NE(longer.body.find("failed to poll from model repository"), std::string::npos);
  const TestResponse outside =
      rig.post("/v2/repository/models/f/load",
               R"({"parameters":{"config":")" + config + R"(","file:1/../../x":"aGVsbG8="}})");
  EXPECT_EQ(outside.status, 400);
  EXPECT_NE(outside.body.find("must not leave the model's directory"), std::string::npos);
}

}  // namespace
}  // namespace tfe::kserve_http
