// Repository control on the real core.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

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

// The address without a version means the statistics of all models; everything else works.
TEST(Repository, AModelCalledStats) {
  Rig rig({identity("stats"), identity("other")});
  EXPECT_NE(rig.get("/v2/models/stats").body.find(R"("name":"other")"), std::string::npos);
  EXPECT_EQ(rig.get("/v2/models/stats/ready").status, 200);
  EXPECT_TRUE(rig.get("/v2/models/stats/versions/1").body.starts_with(R"({"name":"stats")"));
  EXPECT_TRUE(rig.get("/v2/models/stats/config").body.starts_with(R"({"name":"stats")"));
  const TestResponse own = rig.get("/v2/models/stats/stats");
  EXPECT_TRUE(own.body.starts_with(R"({"model_stats":[{"name":"stats")")) << own.body;
  EXPECT_EQ(own.body.find("other"), std::string::npos);
  EXPECT_EQ(rig.post("/v2/models/stats/infer", infer_body("FP32", "[1]", "[1]")).status, 200);
}

void add_ensemble(const std::string& repository) {
  std::filesystem::create_directories(repository + "/ensemble/1");
  testing::write_file(repository + "/ensemble/config.pbtxt",
                      "name: \"ensemble\"\nplatform: \"ensemble\"\n"
                      "input [{ name: \"IN\" data_type: TYPE_FP32 dims: [-1] }]\n"
                      "output [{ name: \"OUT\" data_type: TYPE_FP32 dims: [-1] }]\n"
                      "ensemble_scheduling { step [{ model_name: \"m\" model_version: -1\n"
                      "  input_map { key: \"INPUT0\" value: \"IN\" }\n"
                      "  output_map { key: \"OUTPUT0\" value: \"OUT\" } }] }\n");
}

TEST(Repository, UnloadWithAndWithoutDependents) {
  Rig rig({identity("m")}, {}, explicit_control);
  add_ensemble(rig.core.repository());
  const std::string ensemble = "/v2/repository/models/ensemble/";
  const auto ready = [&](const char* model) {
    return rig.get("/v2/models/" + std::string(model) + "/ready").status == 200;
  };
  // Unloading is only begun by the call.
  const auto wait_gone = [&](const char* model) {
    const auto end = std::chrono::steady_clock::now() + testing::kPatience;
    while (ready(model) && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return !ready(model);
  };
  ASSERT_EQ(rig.post(ensemble + "load", "").status, 200);
  EXPECT_TRUE(ready("m") && ready("ensemble"));
  ASSERT_EQ(rig.post(ensemble + "unload", R"({"parameters":{"unload_dependents":false}})").status,
            200);
  EXPECT_TRUE(wait_gone("ensemble"));
  EXPECT_TRUE(ready("m"));
  ASSERT_EQ(rig.post(ensemble + "load", "").status, 200);
  ASSERT_EQ(rig.post(ensemble + "unload", R"({"parameters":{"unload_dependents":true}})").status,
            200);
  EXPECT_TRUE(wait_gone("ensemble"));
  EXPECT_TRUE(wait_gone("m"));
  // A model that takes no more requests may still be UNLOADING.
  const auto end = std::chrono::steady_clock::now() + testing::kPatience;
  std::string index;
  do {
    index = rig.post("/v2/repository/index", "").body;
  } while (index.find("UNLOADING") != std::string::npos && std::chrono::steady_clock::now() < end);
  EXPECT_NE(index.find(R"("state":"UNAVAILABLE","reason":"unloaded")"), std::string::npos) << index;
}

TEST(Repository, DeepNestingOfWhatIsNotReadIsRefused) {
  Rig rig({identity("m")}, {}, explicit_control);
  const std::string deep = std::string(250'000, '[') + std::string(250'000, ']');
  const std::string load = "/v2/repository/models/m/load";
  EXPECT_ANSWER(rig.post(load, "{\"parameters\":" + deep + "}"), 500,
                R"({"error":"attempt to get members for non-object"})");
  EXPECT_ANSWER(rig.post(load, "{\"parameters\":{\"config\":" + deep + "}}"), 500,
                R"({"error":"attempt to access JSON non-string as string"})");
  EXPECT_ANSWER(rig.post(load, "{\"other\":" + deep + "}"), 200, "");
  EXPECT_EQ(rig.post("/v2/repository/index", deep).status, 200);
}

TEST(Repository, BodiesAboveTheLimit) {
  Options options;
  options.max_input_size = 20;
  Rig rig({identity("m")}, options, explicit_control);
  for (const char* path : {"index", "models/m/load", "models/m/unload"}) {
    const std::string target = "/v2/repository/" + std::string(path);
    EXPECT_EQ(rig.post(target, "{" + std::string(18, ' ') + "}").status, 200);
    EXPECT_ANSWER(rig.post(target, "{" + std::string(19, ' ') + "}"), 400,
                  R"({"error":"request JSON size of 21 bytes exceeds the maximum allowed input )"
                  R"(size of 20 bytes. Use --http-max-input-size to increase the limit."})");
  }
}

// The files are what the model is loaded from.
TEST(Repository, ContentsOfFileOverrides) {
  Rig rig({identity("m")}, {}, explicit_control);
  const std::string config =
      R"({\"name\":\"f\",\"backend\":\"identity\",\"input\":[{\"name\":\"INPUT0\",\"data_type\":)"
      R"(\"TYPE_FP32\",\"dims\":[-1]}],\"output\":[{\"name\":\"OUTPUT0\",\"data_type\":)"
      R"(\"TYPE_FP32\",\"dims\":[-1],\"label_filename\":\"labels.txt\"}],\"instance_group\":)"
      R"([{\"kind\":\"KIND_CPU\"}]})";
  // Line breaks and characters outside of the alphabet are passed over, as libb64 does.
  const std::string labels = R"(Y2F0\nCmRv*Zw==)";
  EXPECT_ANSWER(rig.post("/v2/repository/models/f/load", R"({"parameters":{"config":")" + config +
                                                             R"(","file:labels.txt":")" + labels +
                                                             R"(","file:1/data":"AAA="}})"),
                200, "");
  const TestResponse classes =
      rig.post("/v2/models/f/infer",
               R"({"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],"data":[1,2]}],)"
               R"("outputs":[{"name":"OUTPUT0","parameters":{"classification":2}}]})");
  EXPECT_NE(classes.body.find(R"(["2.000000:1:dog","1.000000:0:cat"])"), std::string::npos)
      << classes.body;
}

}  // namespace
}  // namespace tfe::kserve_http
