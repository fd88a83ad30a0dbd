// generate and generate_stream on the real core.
#include <gtest/gtest.h>

#include <future>

#include "kserve_http/service_rig.h"

namespace tfe::kserve_http {
namespace {

ModelSpec repeat() {
  ModelSpec spec = identity("repeat");
  spec.backend = "repeat";
  spec.extra = "model_transaction_policy { decoupled: true }\n";
  return spec;
}

std::string repeat_body(int responses, std::string_view more = "") {
  return R"({"INPUT0":[1.5],"responses":)" + std::to_string(responses) + std::string(more) + "}";
}

const std::string kEvent =
    "data: {\"OUTPUT0\":1.5,\"model_name\":\"repeat\",\"model_version\":\"1\"}\n\n";

TEST(Generate, OneResponse) {
  Rig rig({identity("m"), identity("b", "TYPE_STRING")});
  const TestResponse response = rig.post("/v2/models/m/generate", R"({"INPUT0":[1,2],"id":"x"})");
  EXPECT_EQ(response.body,
            R"({"OUTPUT0":[1.0,2.0],"id":"x","model_name":"m","model_version":"1"})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(rig.post("/v2/models/b/versions/1/generate", R"({"INPUT0":"a\nb"})").body,
            R"({"OUTPUT0":"a\nb","model_name":"b","model_version":"1"})");
  EXPECT_EQ(rig.post("/v2/models/m/generate", R"({"INPUT0":[]})").body,
            R"({"OUTPUT0":[],"model_name":"m","model_version":"1"})");
}

TEST(Generate, AnyOtherCountIsAnError) {
  Rig rig({repeat()});
  const std::string error =
      R"({"error":"generate expects model to produce exactly 1 response, use generate stream for )"
      R"(model that generates various number of responses"})";
  EXPECT_EQ(rig.post("/v2/models/repeat/generate", repeat_body(1)).status, 200);
  EXPECT_EQ(rig.post("/v2/models/repeat/generate", repeat_body(1, R"(,"final":"separate")")).status,
            200);
  EXPECT_ANSWER(rig.post("/v2/models/repeat/generate", repeat_body(0)), 500, error);
  EXPECT_ANSWER(rig.post("/v2/models/repeat/generate", repeat_body(2)), 500, error);
  // Answered and cancelled at the second response; the others would take for ever.
  EXPECT_ANSWER(rig.post("/v2/models/repeat/generate", repeat_body(2'000'000'000)), 500, error);
}

TEST(Generate, Errors) {
  ModelSpec fail = identity("fail");
  fail.backend = "fail";
  Rig rig({identity("m"), repeat(), fail});
  for (const char* verb : {"generate", "generate_stream"}) {
    const std::string path = "/v2/models/m/" + std::string(verb);
    EXPECT_ANSWER(rig.post("/v2/models/x/" + std::string(verb), "{"), 404,
                  R"({"error":"Request for unknown model: 'x' is not found"})");
    EXPECT_ANSWER(rig.post(path, "[]"), 500,
                  R"({"error":"attempt to get members for non-object"})");
    EXPECT_ANSWER(rig.post(path, ""), 500,
                  R"({"error":"failed to parse the request JSON buffer: The document is empty. at )"
                  R"(0"})");
    const TestResponse twice = rig.post(path, R"({"INPUT0":1,"parameters":{"INPUT0":2}})");
    EXPECT_EQ(twice.status, 400);
    EXPECT_NE(twice.body.find("input 'INPUT0' already exists in request"), std::string::npos);
    EXPECT_EQ(twice.header("content-type"), "application/json");
    const TestResponse coding = rig.post(path, "{}", {{"content-encoding", "br"}});
    EXPECT_EQ(coding.status, 501);
    EXPECT_EQ(coding.header("accept-encoding"), "gzip, deflate");
  }
  const TestResponse failed = rig.post("/v2/models/fail/generate", R"({"INPUT0":1})");
  EXPECT_NE(failed.status, 200);
  EXPECT_TRUE(failed.body.starts_with(R"({"error":)")) << failed.body;
  EXPECT_ANSWER(rig.post("/v2/models/repeat/generate", repeat_body(3, R"(,"fail_at":0)")), 500,
                R"({"error":"the stream fails at response 0"})");
}

TEST(GenerateStream, EveryResponseIsAnEvent) {
  Rig rig({repeat(), identity("m")});
  const TestResponse response = rig.post("/v2/models/repeat/generate_stream", repeat_body(3));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(response.body, kEvent + kEvent + kEvent);
  const TestResponse none = rig.post("/v2/models/repeat/generate_stream", repeat_body(0));
  EXPECT_EQ(none.status, 200);
  EXPECT_EQ(none.body, "");
  EXPECT_EQ(none.header("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(rig.post("/v2/models/m/generate_stream", R"({"INPUT0":2})").body,
            "data: {\"OUTPUT0\":2.0,\"model_name\":\"m\",\"model_version\":\"1\"}\n\n");
}

TEST(GenerateStream, EachEventIsSentAtOnce) {
  Rig rig({repeat()});
  TestCall call(rig.service, {"POST", "/v2/models/repeat/generate_stream",
                              repeat_body(3, R"(,"final":"separate")")});
  call.wait();
  EXPECT_EQ(call.exchange.pieces, (std::vector<std::string>{kEvent, kEvent, kEvent}));
}

TEST(GenerateStream, ErrorsAreEvents) {
  Rig rig({repeat()});
  const TestResponse first =
      rig.post("/v2/models/repeat/generate_stream", repeat_body(3, R"(,"fail_at":0)"));
  EXPECT_EQ(first.status, 500);
  EXPECT_EQ(first.header("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(first.body, "data: {\"error\":\"the stream fails at response 0\"}\n\n");
  const TestResponse later =
      rig.post("/v2/models/repeat/generate_stream", repeat_body(3, R"(,"fail_at":1)"));
  EXPECT_EQ(later.status, 200);
  EXPECT_EQ(later.body, kEvent + "data: {\"error\":\"the stream fails at response 1\"}\n\n");
}

TEST(GenerateStream, ClientThatDoesNotReadLosesNothingFromTheMiddle) {
  Options options;
  options.max_stream_backlog = kEvent.size() * 10;
  Rig rig({repeat()}, options);
  TestCall call(rig.service, {"POST", "/v2/models/repeat/generate_stream",
                              repeat_body(2'000'000'000, R"(,"interval_ms":1)")});
  call.exchange.client_reads = false;
  const TestResponse response = call.wait();
  EXPECT_EQ(response.status, 200);
  const std::string error = "data: {\"error\":\"the client reads too slowly: more than " +
                            std::to_string(options.max_stream_backlog) +
                            " bytes of the stream wait for it (max_stream_backlog)\"}\n\n";
  ASSERT_TRUE(response.body.ends_with(error)) << response.body;
  std::string expected;
  while (expected.size() + error.size() < response.body.size()) expected += kEvent;
  EXPECT_EQ(response.body, expected + error);
  EXPECT_GE(expected.size(), options.max_stream_backlog);
}

// The head of the answer waits for the load report, and the events behind it.
TEST(GenerateStream, EventsThatWaitForTheLoadReportCount) {
  Options options;
  options.max_stream_backlog = kEvent.size() * 10;
  Rig rig({repeat()}, options);
  std::promise<void> busy;
  const std::shared_future<void> end = busy.get_future().share();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(rig.executor.submit([end] { end.wait(); }, kserve::Executor::Lane::kQuick));
  }
  TestCall call(rig.service, {"POST",
                              "/v2/models/repeat/generate_stream",
                              repeat_body(2'000'000'000, R"(,"interval_ms":1)"),
                              {{"endpoint-load-metrics-format", "json"}}});
  // Until the model was stopped, or long after it should have been.
  int tasks = 0;
  while (tasks < 1000 && call.exchange.test_strand().run_within(std::chrono::milliseconds(500))) {
    ++tasks;
  }
  EXPECT_LT(tasks, 1000);
  EXPECT_EQ(call.exchange.pieces.size(), 0U);
  busy.set_value();
  const TestResponse response = call.wait();
  EXPECT_NE(response.body.find("max_stream_backlog"), std::string::npos);
  EXPECT_LT(response.body.size(), options.max_stream_backlog * 3);
}

TEST(GenerateStream, ClientThatReadsMayBeBehind) {
  Options options;
  options.max_stream_backlog = kEvent.size() * 10;
  Rig rig({repeat()}, options);
  TestCall call(rig.service, {"POST", "/v2/models/repeat/generate_stream",
                              repeat_body(100, R"(,"interval_ms":1)")});
  EXPECT_EQ(call.wait().body.size(), kEvent.size() * 100);
}

TEST(GenerateStream, ClientThatGoesAwayCancels) {
  Rig rig({repeat()});
  for (const char* more : {R"(,"interval_ms":60000)", R"(,"interval_ms":1)"}) {
    auto gone = std::make_unique<TestCall>(
        rig.service,
        TestRequest{"POST", "/v2/models/repeat/generate_stream", repeat_body(2'000'000'000, more)});
    // The model ends, and soon after its last event the core lets go of what it was for.
    EXPECT_TRUE(leave(std::move(gone)));
  }
}

TEST(GenerateStream, LoadReportThatThereIsNot) {
  Rig rig({repeat(), identity("m")});
  for (const char* verb : {"/v2/models/m/generate", "/v2/models/m/generate_stream"}) {
    const TestResponse response =
        rig.post(verb, R"({"INPUT0":2})", {{"endpoint-load-metrics-format", "json"}});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("endpoint-load-metrics"), "");
  }
  EXPECT_EQ(rig.post("/v2/models/repeat/generate_stream", repeat_body(3),
                     {{"endpoint-load-metrics-format", "text"}})
                .body,
            kEvent + kEvent + kEvent);
}

}  // namespace
}  // namespace tfe::kserve_http
