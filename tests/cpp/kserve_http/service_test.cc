// Every endpoint but repository control on the real core.
#include "kserve_http/service.h"

#include <gtest/gtest.h>

#include "kserve_http/service_rig.h"

namespace tfe::kserve_http {
namespace {

TEST(Service, Health) {
  Rig rig({identity("m")});
  EXPECT_ANSWER(rig.get("/v2/health/live"), 200, "");
  EXPECT_ANSWER(rig.get("/v2/health/ready"), 200, "");
  EXPECT_ANSWER(rig.get("/v2/models/m/ready"), 200, "");
  EXPECT_ANSWER(rig.get("/v2/models/m/versions/1/ready"), 200, "");
  EXPECT_ANSWER(rig.get("/v2/models/x/ready"), 404,
                R"({"error":"Request for unknown model: 'x' is not found"})");
  EXPECT_ANSWER(rig.get("/v2/models/m/versions/9/ready"), 404,
                R"({"error":"Request for unknown model: 'm' version 9 is not found"})");
  EXPECT_ANSWER(
      rig.get("/v2/models/m/versions/99999999999999999999/ready"), 400,
      R"({"error":"failed to get model version from specified version string )"
      R"('99999999999999999999' (details: stol), version should be an integral value > 0"})");
}

TEST(Service, MethodsAndPaths) {
  Rig rig({identity("m")});
  EXPECT_ANSWER(rig.get("/v2/nothing"), 404, R"({"error":"Not Found"})");
  EXPECT_ANSWER(rig.post("/nothing", "x"), 404, R"({"error":"Not Found"})");
  const TestResponse post = rig.post("/v2/health/live", "");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.body, R"({"error":"Method Not Allowed"})");
  EXPECT_EQ(post.header("allow"), "GET, HEAD");
  EXPECT_EQ(post.header("content-type"), "application/json");
  EXPECT_EQ(rig.get("/v2/models/m/infer").header("allow"), "POST");
  EXPECT_EQ(call(rig.service, {"HEAD", "/v2/models/m"}).status, 200);
  EXPECT_EQ(call(rig.service, {"OPTIONS", "/v2"}).status, 405);
}

TEST(Service, TextsOfTheCore) {
  Rig rig({identity("m"), identity("sp ace")});
  const TestResponse server = rig.get("/v2");
  EXPECT_EQ(server.status, 200);
  EXPECT_EQ(server.header("content-type"), "application/json");
  EXPECT_NE(server.body.find("\"extensions\":["), std::string::npos);
  EXPECT_NE(rig.get("/v2/models/m").body.find("\"name\":\"m\""), std::string::npos);
  EXPECT_NE(rig.get("/v2/models/m/versions/1/config").body.find("\"backend\":\"identity\""),
            std::string::npos);
  EXPECT_NE(rig.get("/v2/models/m/stats").body.find("\"model_stats\":["), std::string::npos);
  const std::string all = rig.get("/v2/models/stats").body;
  EXPECT_NE(all.find("\"name\":\"m\""), std::string::npos);
  EXPECT_NE(all.find("\"name\":\"sp ace\""), std::string::npos);
  EXPECT_EQ(rig.get("/v2/models/sp%20ace").status, 200);
  EXPECT_ANSWER(rig.get("/v2/models/x"), 404,
                R"({"error":"Request for unknown model: 'x' is not found"})");
  EXPECT_ANSWER(rig.get("/v2/models/m/versions/9/config"), 404,
                R"({"error":"Request for unknown model: 'm' version 9 is not found"})");
  EXPECT_ANSWER(rig.get("/v2/models/x/stats"), 400,
                R"({"error":"requested model 'x' is not available"})");
}

TEST(Service, InferJson) {
  Rig rig({identity("m")});
  const TestResponse response =
      rig.post("/v2/models/m/infer", infer_body("FP32", "[2]", "[1,2.5]"));
  EXPECT_EQ(response.body,
            R"({"id":"7","model_name":"m","model_version":"1","outputs":[{"name":"OUTPUT0",)"
            R"("datatype":"FP32","shape":[2],"data":[1.0,2.5]}]})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(rig.post("/v2/models/m/versions/1/infer", infer_body("FP32", "[0]", "[]")).body,
            R"({"id":"7","model_name":"m","model_version":"1","outputs":[{"name":"OUTPUT0",)"
            R"("datatype":"FP32","shape":[0],"data":[]}]})");
}

TEST(Service, InferEveryDatatypeInBinary) {
  struct Type {
    const char* config;
    const char* name;
    std::size_t size;
  };
  const std::vector<Type> types = {
      {"TYPE_BOOL", "BOOL", 1},     {"TYPE_UINT8", "UINT8", 1},   {"TYPE_UINT16", "UINT16", 2},
      {"TYPE_UINT32", "UINT32", 4}, {"TYPE_UINT64", "UINT64", 8}, {"TYPE_INT8", "INT8", 1},
      {"TYPE_INT16", "INT16", 2},   {"TYPE_INT32", "INT32", 4},   {"TYPE_INT64", "INT64", 8},
      {"TYPE_FP16", "FP16", 2},     {"TYPE_BF16", "BF16", 2},     {"TYPE_FP32", "FP32", 4},
      {"TYPE_FP64", "FP64", 8}};
  Rig rig({identity("BOOL", "TYPE_BOOL"), identity("UINT8", "TYPE_UINT8"),
           identity("UINT16", "TYPE_UINT16"), identity("UINT32", "TYPE_UINT32"),
           identity("UINT64", "TYPE_UINT64"), identity("INT8", "TYPE_INT8"),
           identity("INT16", "TYPE_INT16"), identity("INT32", "TYPE_INT32"),
           identity("INT64", "TYPE_INT64"), identity("FP16", "TYPE_FP16"),
           identity("BF16", "TYPE_BF16"), identity("FP32", "TYPE_FP32"),
           identity("FP64", "TYPE_FP64"), identity("BYTES", "TYPE_STRING")});
  for (const Type& type : types) {
    const std::string data = std::string(type.size, '\1') + std::string(type.size, '\0');
    const std::string json =
        R"({"inputs":[{"name":"INPUT0","datatype":")" + std::string(type.name) +
        R"(","shape":[2],"parameters":{"binary_data_size":)" + std::to_string(data.size()) +
        R"(}}],"outputs":[{"name":"OUTPUT0","parameters":{"binary_data":true}}]})";
    const std::string length = std::to_string(json.size());
    const TestResponse response =
        rig.post("/v2/models/" + std::string(type.name) + "/infer", json + data,
                 {{"Inference-Header-Content-Length", length}});
    EXPECT_EQ(response.status, 200) << type.name << response.body;
    EXPECT_EQ(response.header("content-type"), "application/octet-stream");
    const std::size_t text = std::stoul(response.header("inference-header-content-length"));
    EXPECT_EQ(response.body.substr(text), data) << type.name;
  }
  EXPECT_NE(rig.post("/v2/models/BYTES/infer", infer_body("BYTES", "[2]", R"(["a","é\n"])"))
                .body.find("\"data\":[\"a\",\"é\\n\"]"),
            std::string::npos);
}

TEST(Service, InferRaw) {
  Rig rig({identity("m", "TYPE_UINT8"), identity("b", "TYPE_STRING")});
  const TestResponse response = rig.post("/v2/models/m/infer", "abcdefghijklmnop",
                                         {{"Inference-Header-Content-Length", "0"}});
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(response.body.ends_with("]}abcdefghijklmnop"));
  // Without announced length, as with a chunked body.
  TestRequest chunked{"POST",
                      "/v2/models/m/infer",
                      "abcdefghijklmnop",
                      {{"Inference-Header-Content-Length", "0"}},
                      false};
  EXPECT_TRUE(call(rig.service, chunked).body.ends_with("]}abcdefghijklmnop"));
  EXPECT_ANSWER(rig.post("/v2/models/m/infer", ""), 400,
                R"({"error":"empty body, expected a JSON inference request, or the header )"
                R"(Inference-Header-Content-Length: 0 for a raw binary request"})");
}

TEST(Service, InferErrors) {
  ModelSpec decoupled = identity("d");
  decoupled.extra = "model_transaction_policy { decoupled: true }\n";
  decoupled.backend = "repeat";
  Rig rig({identity("m"), decoupled});
  // An unknown model beats a malformed body.
  EXPECT_ANSWER(rig.post("/v2/models/x/infer", "{"), 404,
                R"({"error":"Request for unknown model: 'x' is not found"})");
  EXPECT_ANSWER(rig.post("/v2/models/d/infer", "{"), 501,
                R"({"error":"HTTP end point doesn't support models with decoupled transaction )"
                R"(policy"})");
  const TestResponse coding = rig.post("/v2/models/m/infer", "{", {{"content-encoding", "br"}});
  EXPECT_EQ(coding.status, 501);
  EXPECT_EQ(coding.body, R"({"error":"Unsupported compression type"})");
  EXPECT_EQ(coding.header("accept-encoding"), "gzip, deflate");
  const TestResponse malformed = rig.post("/v2/models/m/infer", "{\"inputs\":[}");
  EXPECT_EQ(malformed.status, 500);
  EXPECT_TRUE(malformed.body.starts_with(R"({"error":"failed to parse the request JSON buffer: )"));
  EXPECT_EQ(malformed.header("content-type"), "application/json");
  const TestResponse core = rig.post("/v2/models/m/infer", infer_body("INT32", "[1]", "[1]"));
  EXPECT_EQ(core.status, 400);
  EXPECT_NE(core.body.find("[request id: 7] "), std::string::npos) << core.body;
  EXPECT_ANSWER(rig.post("/v2/models/m/infer", "{\"inputs\":[]}",
                         {{"Inference-Header-Content-Length", "14"}}),
                400, R"({"error":"inference header size should be in range (0, 13), got: 14"})");
  TestRequest chunked{"POST",
                      "/v2/models/m/infer",
                      "{\"inputs\":[]}",
                      {{"Inference-Header-Content-Length", "14"}},
                      false};
  EXPECT_ANSWER(call(rig.service, chunked), 400,
                R"({"error":"inference header size should be in range (0, 13), got: 14"})");
  const std::string id(129, 'x');
  EXPECT_ANSWER(rig.post("/v2/models/m/infer",
                         R"({"parameters":{"sequence_id":")" + id + R"("},"inputs":[]})"),
                501, R"({"error":"string correlation ID cannot be longer than 128 characters"})");
}

TEST(Service, InputSizeLimit) {
  Options options;
  options.max_input_size = 200;
  Rig rig({identity("m")}, options);
  std::string body = infer_body("FP32", "[1]", "[1]");
  body.resize(200, ' ');
  EXPECT_EQ(rig.post("/v2/models/m/infer", body).status, 200);
  const std::string error =
      R"({"error":"request JSON size of 201 bytes exceeds the maximum allowed input size of 200 )"
      R"(bytes. Use --http-max-input-size to increase the limit."})";
  EXPECT_ANSWER(rig.post("/v2/models/m/infer", body + " "), 400, error);
  EXPECT_ANSWER(rig.post("/v2/repository/index", body + " "), 400, error);
  // Of unknown length: refused as soon as it is too long.
  TestRequest chunked{"POST", "/v2/models/m/infer", body + " ", {}, false};
  EXPECT_ANSWER(call(rig.service, chunked), 400, error);
  chunked.target = "/v2/repository/index";
  EXPECT_ANSWER(call(rig.service, chunked), 400, error);
}

TEST(Service, BodyIsAskedForOnlyWhenItIsWanted) {
  Rig rig({identity("m")});
  TestCall wanted(rig.service, {"POST", "/v2/models/m/infer", infer_body("FP32", "[1]", "[1]")});
  EXPECT_TRUE(wanted.exchange.continued);
  wanted.wait();
  TestCall refused(rig.service, {"POST", "/v2/models/x/infer", "{}"});
  EXPECT_FALSE(refused.exchange.continued);
}

TEST(Service, ClientThatGoesAwayCancels) {
  ModelSpec slow = identity("slow");
  slow.backend = "delay";
  slow.extra = "parameters { key: \"delay_ms\" value { string_value: \"60000\" } }\n";
  Rig rig({slow});
  auto gone = std::make_unique<TestCall>(
      rig.service, TestRequest{"POST", "/v2/models/slow/infer", infer_body("FP32", "[1]", "[1]")});
  // The model ends at once instead of after its minute. What it delivers is dropped; the exchange
  // is not touched any more.
  EXPECT_TRUE(leave(std::move(gone)));
}

TEST(Service, StoppedServerIsUnavailable) {
  Rig rig({identity("m")});
  ASSERT_TRUE(rig.core.server->stop());
  for (const char* target :
       {"/v2", "/v2/health/ready", "/v2/models/m", "/v2/models/m/ready", "/v2/models/m/stats"}) {
    EXPECT_EQ(rig.get(target).status, 503) << target;
  }
  EXPECT_EQ(rig.post("/v2/models/m/infer", infer_body("FP32", "[1]", "[1]")).status, 503);
  EXPECT_EQ(rig.post("/v2/repository/index", "").status, 503);
  EXPECT_EQ(rig.post("/v2/repository/models/m/load", "").status, 503);
}

TEST(Metrics, OnlyOnItsPath) {
  Rig rig({identity("m")});
  for (const char* target : {"/metrics", "/metrics/", "/metrics?x=1"}) {
    const TestResponse response = call(rig.metrics, {"GET", target});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("content-type"), "text/plain; charset=utf-8");
    EXPECT_NE(response.body.find("# HELP nv_inference_request_success"), std::string::npos);
  }
  for (const char* target : {"/", "/foo", "//metrics", "/metrics/x", "/v2"}) {
    EXPECT_ANSWER(call(rig.metrics, {"GET", target}), 404, R"({"error":"Not Found"})");
  }
  const TestResponse post = call(rig.metrics, {"POST", "/metrics"});
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.header("allow"), "GET, HEAD");
  ASSERT_TRUE(rig.core.server->stop());
  EXPECT_EQ(call(rig.metrics, {"GET", "/metrics"}).status, 503);
}

}  // namespace
}  // namespace tfe::kserve_http
