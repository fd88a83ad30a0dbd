// What infer and generate have in common, on the real core: admission, header forwarding, codings,
// restrictions, and work that is done by workers.
#include "kserve_http/inference_sink.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "http/content_coding.h"
#include "kserve_http/service_rig.h"

namespace tfe::kserve_http {
namespace {

std::string gzip(std::string text) {
  return http::encode_content(base::Chain::of(std::move(text)), http::Coding::kGzip, 6)
      ->to_string();
}

std::string gunzip(std::string_view bytes) {
  class Output final : public http::DecodedOutput {
   public:
    base::MutableBytes room() override { return piece; }
    void filled(std::size_t count) override {
      text += base::as_text(base::Bytes(piece).first(count));
    }
    std::array<std::byte, 4096> piece{};
    std::string text;
  } output;
  http::ContentDecoder decoder({http::Coding::kGzip}, 1 << 26, output);
  EXPECT_TRUE(decoder.write(base::as_bytes(bytes)));
  EXPECT_TRUE(decoder.finish());
  return output.text;
}

// A service whose context the test has changed.
class Adapted {
 public:
  Adapted(Rig& rig, void (*adapt)(Context&)) : context_(rig.context) {
    adapt(context_);
    service.emplace(context_);
  }
  TestResponse post(std::string target, std::string body,
                    std::vector<http::HeaderView> headers = {}) {
    return call(*service, {"POST", std::move(target), std::move(body), std::move(headers)});
  }
  std::optional<Service> service;

 private:
  Context context_;
};

const std::string kBody =
    R"({"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[1],"data":[1]}]})";

ModelSpec echo() {
  ModelSpec spec = identity("echo");
  spec.extra = "parameters { key: \"echo\" value { string_value: \"true\" } }\n";
  return spec;
}

ModelSpec delay() {
  ModelSpec spec = identity("slow");
  spec.backend = "delay";
  spec.extra = "parameters { key: \"delay_ms\" value { string_value: \"60000\" } }\n";
  return spec;
}

TEST(Admission, RefusesAtTheHead) {
  Rig rig({identity("m"), delay()});
  Adapted one(rig, [](Context& context) {
    context.admission = kserve::Admission({.max_requests = 1, .max_bytes = 0});
  });
  EXPECT_EQ(one.post("/v2/models/m/infer", kBody).status, 200);
  {
    TestCall busy(*one.service, {"POST", "/v2/models/slow/infer", kBody});
    for (const char* target : {"/v2/models/m/infer", "/v2/models/m/generate"}) {
      TestCall refused(*one.service, {"POST", target, kBody});
      EXPECT_FALSE(refused.exchange.continued);
      const TestResponse response = refused.wait();
      EXPECT_EQ(response.status, 429);
      EXPECT_EQ(response.header("retry-after"), "1");
    }
    const auto strand = busy.exchange.strand();
    busy.sink->on_abort();
    static_cast<TestStrand&>(*strand).run_one();
  }
}

TEST(Admission, CountsWhatArrivesAndExpands) {
  Rig rig({identity("m")});
  Adapted small(rig, [](Context& context) {
    context.admission = kserve::Admission({.max_requests = 0, .max_bytes = 200'000});
  });
  EXPECT_EQ(small.post("/v2/models/m/infer", kBody).status, 200);
  const TestResponse chunked =
      call(*small.service, {"POST", "/v2/models/m/infer", std::string(200'001, ' '), {}, false});
  EXPECT_NE(chunked.status, 200);
  EXPECT_NE(chunked.body.find("max_inflight_bytes"), std::string::npos) << chunked.body;
  const http::HeaderView coding{"content-encoding", "gzip"};
  EXPECT_EQ(small.post("/v2/models/m/infer", gzip(kBody), {coding}).status, 200);
  const TestResponse expanded =
      small.post("/v2/models/m/infer", gzip(std::string(300'000, ' ') + kBody), {coding});
  EXPECT_NE(expanded.body.find("max_inflight_bytes"), std::string::npos) << expanded.body;
  // All shares were given back.
  EXPECT_EQ(small.post("/v2/models/m/infer", kBody + std::string(190'000, ' ')).status, 200);
}

// The files of a model come in the body of its load, so these weigh as much as tensors.
TEST(Admission, CountsTheBodiesOfOtherRequests) {
  Rig rig({identity("m")});
  Adapted small(rig, [](Context& context) {
    context.admission = kserve::Admission({.max_requests = 1, .max_bytes = 1000});
  });
  const std::string settings = "{}" + std::string(600, ' ');
  {
    TestCall held(*small.service, {"POST", "/v2/logging", settings});
    TestCall refused(*small.service, {"POST", "/v2/models/m/trace/setting", settings});
    EXPECT_FALSE(refused.exchange.continued);
    EXPECT_EQ(refused.wait().status, 429);
    EXPECT_EQ(held.wait().status, 200);
  }
  EXPECT_EQ(call(*small.service, {"POST", "/v2/logging", settings, {}, false}).status, 200);
  const TestResponse chunked =
      call(*small.service, {"POST", "/v2/logging", std::string(1001, ' '), {}, false});
  EXPECT_EQ(chunked.status, 400);
  EXPECT_NE(chunked.body.find("max_inflight_bytes"), std::string::npos) << chunked.body;
}

TEST(HeaderForwarding, InferAndGenerate) {
  Rig rig({echo()});
  Adapted forwarding(rig, [](Context& context) {
    context.forwarding = *kserve::HeaderForwarding::compile("^(X-|priority)");
  });
  const std::vector<http::HeaderView> headers = {{"X-One", "1"}, {"Y-Two", "2"}};
  for (const char* verb : {"infer", "generate"}) {
    const std::string target = "/v2/models/echo/" + std::string(verb);
    const std::string body = verb[0] == 'i' ? kBody : R"({"INPUT0":1})";
    const TestResponse response = forwarding.post(target, body, headers);
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_NE(response.body.find(R"("X-One":"1")"), std::string::npos) << response.body;
    EXPECT_EQ(response.body.find("Y-Two"), std::string::npos);
    EXPECT_ANSWER(forwarding.post(target, body, {{"priority", "1"}}), 400,
                  R"({"error":"Header 'priority' is reserved for Triton usage and cannot be )"
                  R"(forwarded."})");
    // Errors of the body come first.
    EXPECT_EQ(forwarding.post(target, "{", {{"priority", "1"}}).status, 500);
  }
}

TEST(Restrictions, BeforeMethodsAndBehindUnknownPaths) {
  Rig rig({identity("m")});
  Adapted restricted(rig, [](Context& context) {
    context.access = *kserve::AccessPolicy::parse({"inference,metadata:secret=word"});
  });
  const std::string denied = R"({"error":"This API is restricted, expecting header 'secret'"})";
  EXPECT_ANSWER(restricted.post("/v2/models/m/infer", kBody), 403, denied);
  EXPECT_ANSWER(restricted.post("/v2/models/m/generate_stream", "{}"), 403, denied);
  EXPECT_ANSWER(restricted.post("/v2/models/m", ""), 403, denied);
  EXPECT_ANSWER(restricted.post("/v2/nothing", ""), 404, R"({"error":"Not Found"})");
  EXPECT_EQ(restricted.post("/v2/models/m", "", {{"Secret", "word"}}).status, 405);
  EXPECT_EQ(restricted.post("/v2/models/m/infer", kBody, {{"SECRET", "word"}}).status, 200);
  EXPECT_EQ(call(*restricted.service, {"GET", "/v2/models/m/config"}).status, 200);
}

TEST(Compression, BothWaysAtAnySize) {
  Rig rig({identity("m", "TYPE_INT32")});
  for (const std::size_t count : {1U, 1000U, 400'000U}) {
    std::string data = "[0";
    for (std::size_t i = 1; i < count; ++i) data += "," + std::to_string(i);
    data += "]";
    const std::string body = infer_body("INT32", "[" + std::to_string(count) + "]", data);
    const TestResponse response =
        rig.post("/v2/models/m/infer", gzip(body),
                 {{"content-encoding", "gzip"}, {"accept-encoding", "gzip"}});
    ASSERT_EQ(response.status, 200) << response.body.substr(0, 200);
    EXPECT_EQ(response.header("vary"), "Accept-Encoding");
    const bool coded = response.header("content-encoding") == "gzip";
    EXPECT_EQ(coded, count > 1);
    const std::string text = coded ? gunzip(response.body) : response.body;
    EXPECT_NE(text.find("\"data\":" + data + "}"), std::string::npos);
  }
}

TEST(Compression, CanBeTurnedOff) {
  Options options;
  options.compression_level = 0;
  Rig rig({identity("m", "TYPE_UINT8")}, options);
  const TestResponse response =
      rig.post("/v2/models/m/infer", std::string(5000, 'x'),
               {{"Inference-Header-Content-Length", "0"}, {"accept-encoding", "gzip"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-encoding"), "");
}

// Decoded by a worker, whose result finds nobody.
TEST(Workers, ClientThatGoesAwayMeanwhile) {
  Rig rig({identity("m")});
  auto gone = std::make_unique<TestCall>(
      rig.service, TestRequest{"POST", "/v2/models/m/infer", kBody + std::string(2 << 20, ' ')});
  EXPECT_TRUE(leave(std::move(gone)));
}

TEST(Workers, LargeErrorsAndAnswers) {
  Rig rig({identity("m", "TYPE_UINT8")});
  const TestResponse error =
      rig.post("/v2/models/m/infer", "{\"inputs\":[" + std::string(2 << 20, ' '));
  EXPECT_EQ(error.status, 500);
  const std::string bytes(3 << 20, '\7');
  const std::string json =
      R"({"inputs":[{"name":"INPUT0","datatype":"UINT8","shape":[3145728],"parameters":)"
      R"({"binary_data_size":3145728}}]})";
  const std::string length = std::to_string(json.size());
  const TestResponse answer =
      rig.post("/v2/models/m/infer", json + bytes, {{"inference-header-content-length", length}});
  EXPECT_EQ(answer.status, 200);
  // One digit and one comma or bracket per element, then the closing brackets.
  EXPECT_EQ(answer.body.size(), answer.body.find("7,7") + 2 * bytes.size() + 3);
}

}  // namespace
}  // namespace tfe::kserve_http
