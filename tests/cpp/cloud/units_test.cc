// The small parts: phrases, configurations, routes, the model index, load bodies, redirects.
#include <gtest/gtest.h>

#include "cloud/ensemble_config.h"
#include "cloud/load_body.h"
#include "cloud/model_states.h"
#include "cloud/out_of_memory.h"
#include "cloud/sagemaker_reply.h"
#include "cloud/sagemaker_route.h"
#include "cloud/vertex_redirect.h"
#include "codec/padded.h"

namespace tfe::cloud {
namespace {

TEST(OutOfMemory, PhrasesAnywhereInTheText) {
  for (const char* text :
       {"load failed: CUDA out of memory. Tried to allocate", "x CUDA_OUT_OF_MEMORY",
        "MemoryError: ", "Out Of Memory", "Failed to allocate memory for",
        "[enforce fail] No space left on device", "CUBLAS_STATUS_ALLOC_FAILED", "killed: OOM",
        "OOM", "(OOM)"}) {
    EXPECT_TRUE(tells_out_of_memory(text)) << text;
  }
}

TEST(OutOfMemory, OtherTexts) {
  for (const char* text : {"", "memory", "OUT OF LUCK", "load failed for model 'ROOM'", "OOM2"}) {
    EXPECT_FALSE(tells_out_of_memory(text)) << text;
  }
}

TEST(EnsembleConfig, Ensembles) {
  for (const char* text :
       {"platform: \"ensemble\"", "name: \"a\"\nplatform:\"ensemble\"\n", "platform :\n 'ensemble'",
        "# platform: \"other\"\nplatform: # why\n \"ensemble\"", "ensemble_scheduling { step [ ] }",
        "input [ { name: \"a\" } ] platform: \"ensemble\""}) {
    EXPECT_TRUE(is_ensemble_config(text)) << text;
  }
}

TEST(EnsembleConfig, Others) {
  for (const char* text :
       {"", "platform: \"onnxruntime_onnx\"", "# platform: \"ensemble\"", "name: \"ensemble\"",
        "name: \"platform: 'ensemble'\"", "parameters { platform: \"ensemble\" }",
        "platform:", "name: \"ensemble_scheduling\"", "name: \"{\\\"\" platform: \"x\"",
        "platform: \"ensemble", "platform: ensemble", "\"", "'\\", "}}}}"}) {
    const bool unterminated = std::string_view(text) == "platform: \"ensemble";
    EXPECT_EQ(is_ensemble_config(text), unterminated) << text;
  }
}

TEST(SageMakerRoute, Paths) {
  EXPECT_EQ(sagemaker_route("/ping").path, SageMakerPath::kPing);
  EXPECT_EQ(sagemaker_route("/ping?x=1").path, SageMakerPath::kPing);
  EXPECT_EQ(sagemaker_route("/invocations").path, SageMakerPath::kInvocations);
  EXPECT_EQ(sagemaker_route("/models").path, SageMakerPath::kModels);
  EXPECT_EQ(sagemaker_route("/models/").path, SageMakerPath::kModels);
  EXPECT_EQ(sagemaker_route("/models/a%20b").model.str(), "a b");
  EXPECT_EQ(sagemaker_route("/models/abc").path, SageMakerPath::kModel);
  EXPECT_EQ(sagemaker_route("/models/abc/invoke").path, SageMakerPath::kInvoke);
  EXPECT_EQ(sagemaker_route("/models/invoke").path, SageMakerPath::kModel);
}

TEST(SageMakerRoute, UnknownPaths) {
  for (const char* target :
       {"", "/", "/ping/", "/Ping", "/invocations/", "/modelsfoo", "/models//", "/models//invoke",
        "/models/a/", "/models/a/foo", "/models/a/invoke/", "/v2/health/ready", "*"}) {
    EXPECT_EQ(sagemaker_route(target).path, SageMakerPath::kUnknown) << target;
  }
}

TEST(SageMakerRoute, Methods) {
  EXPECT_TRUE(allows(SageMakerPath::kPing, "HEAD"));
  EXPECT_TRUE(allows(SageMakerPath::kModel, "DELETE"));
  EXPECT_FALSE(allows(SageMakerPath::kInvoke, "GET"));
  EXPECT_FALSE(allows(SageMakerPath::kModels, "DELETE"));
  EXPECT_FALSE(allows(SageMakerPath::kPing, "GET, HEAD"));
  EXPECT_FALSE(allows(SageMakerPath::kPing, ""));
}

TEST(SageMakerReply, StatusOfErrors) {
  using base::Code;
  EXPECT_EQ(model_error_reply({Code::kNotFound, "x"}).head.status, 400);
  EXPECT_EQ(model_error_reply({Code::kInternal, "x"}).head.status, 400);
  EXPECT_EQ(model_error_reply({Code::kUnavailable, "CUDA out of memory"}).head.status, 507);
  EXPECT_EQ(model_error_reply({Code::kPermissionDenied, "x"}).head.status, 403);
  EXPECT_EQ(model_error_reply({Code::kResourceExhausted, "x"}).head.status, 429);
  EXPECT_EQ(model_error_reply({Code::kElsewhere, "x"}).head.status, 503);
  EXPECT_TRUE(model_error_reply({Code::kElsewhere, "x"}).head.last);
  EXPECT_EQ(model_error_reply({Code::kAlreadyExists, "x"}).head.status, 400);
  EXPECT_EQ(load_error_reply({Code::kAlreadyExists, "x"}).head.status, 409);
  EXPECT_EQ(load_error_reply({Code::kInternal, "OutOfMemory"}).head.status, 507);
  EXPECT_EQ(not_loaded_reply("m").head.status, 404);
}

TEST(ModelStates, ReadsTheIndex) {
  const auto index = read_model_index(
      R"([{"name":"a","version":"1","state":"READY"},{"name":"never"},)"
      R"({"name":"b\"c","version":"2","state":"UNAVAILABLE","reason":"unloaded"}])");
  ASSERT_TRUE(index) << index.error().message;
  ASSERT_EQ(index->size(), 3U);
  EXPECT_TRUE((*index)[0].ready());
  EXPECT_EQ((*index)[2].name, "b\"c");
  EXPECT_FALSE(is_gone(*index, "a"));
  EXPECT_TRUE(is_gone(*index, "b\"c"));
  EXPECT_TRUE(is_gone(*index, "never"));
  EXPECT_TRUE(is_gone(*index, "unknown"));
}

TEST(ModelStates, OneVersionLeftIsNotGone) {
  const auto index = read_model_index(R"([{"name":"a","version":"1","state":"UNAVAILABLE"},)"
                                      R"({"name":"a","version":"2","state":"UNLOADING"}])");
  ASSERT_TRUE(index);
  EXPECT_FALSE(is_gone(*index, "a"));
}

TEST(ModelStates, TextsThatAreNoIndex) {
  for (const char* text : {"", "{}", "[{\"name\":1}]", "[1]", "[{\"name\":\"a\"}"}) {
    EXPECT_FALSE(read_model_index(text)) << text;
  }
}

base::Result<LoadBody> read(std::string_view json) {
  const codec::Padded padded(json);
  return read_load_body(base::as_bytes(padded.view()));
}

TEST(LoadBody, MembersInAnyOrder) {
  const auto body = read(R"({"x":[{}],"url":"/u","model_name":"m","url":"/second"})");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->name, "m");
  EXPECT_EQ(body->url, "/u");
}

TEST(LoadBody, WhatIsMissingOrWrongIsNamed) {
  const auto message = [](std::string_view json) { return read(json).error().message; };
  EXPECT_EQ(message(R"({"model_name":"m"})"),
            "Unable to parse 'url': attempt to access non-existing object member 'url'");
  EXPECT_EQ(message(R"({"url":"/u"})"),
            "Unable to parse 'model_name': attempt to access non-existing object member "
            "'model_name'");
  EXPECT_EQ(message(R"({"model_name":"m","url":1})"),
            "Unable to parse 'url': attempt to access JSON non-string as string");
  EXPECT_EQ(message("[]"), "attempt to get members for non-object");
  EXPECT_EQ(message(""), "failed to parse the request JSON buffer: The document is empty. at 0");
  EXPECT_TRUE(message("{\"url\"").starts_with("failed to parse the request JSON buffer: "));
  EXPECT_EQ(message("xyz"), "failed to parse the request JSON buffer: Invalid value. at 0");
}

TEST(VertexRedirect, Targets) {
  const auto expect_all = [](Redirect kind, std::initializer_list<const char*> paths) {
    for (const char* path : paths) EXPECT_EQ(classify_redirect(path), kind) << path;
  };
  expect_all(Redirect::kMetrics, {"metrics"});
  expect_all(Redirect::kGet,
             {"v2", "v2/health/live", "v2/health/ready", "v2/models/stats", "v2/models/m",
              "v2/models/m/versions/1", "v2/models/m/ready", "v2/models/m/config",
              "v2/models/m/versions/2/stats", "v2/systemsharedmemory/status",
              "v2/systemsharedmemory/region/r/status", "v2/cudasharedmemory/status"});
  expect_all(Redirect::kInfer, {"v2/models/m/infer", "v2/models/m/versions/1/infer"});
  expect_all(Redirect::kPost, {"v2/repository/index", "v2/repository/r/index"});
  expect_all(Redirect::kForbidden,
             {"v2/repository/models/m/load", "v2/repository/r/models/m/unload",
              "v2/systemsharedmemory/region/r/register", "v2/systemsharedmemory/unregister",
              "v2/cudasharedmemory/region/r/register", "v2/cudasharedmemory/region/r/unregister"});
  expect_all(Redirect::kUnknown,
             {"", "/v2", "/metrics", "v2/models/m/generate", "v2/models/m/generate_stream",
              "v2/trace/setting", "v2/models/m/trace/setting", "v2/logging", "v3", "v2/", "ping"});
}

}  // namespace
}  // namespace tfe::cloud
