// The settings endpoints: texts, status codes, and that an update is all or nothing.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "kserve/trace_writer.h"
#include "kserve_http/service_rig.h"
#include "kserve_http/trace_hooks.h"

namespace tfe::kserve_http {
namespace {

using ::testing::HasSubstr;

constexpr const char* kLogging = "/v2/logging";
constexpr const char* kTrace = "/v2/trace/setting";
constexpr const char* kModelTrace = "/v2/models/m/trace/setting";
constexpr const char* kEmptyDocument =
    R"({"error":"failed to parse the request JSON buffer: The document is empty. at 0"})";

std::string error(const std::string& message) { return R"({"error":")" + message + R"("})"; }

Rig& rig() {
  static auto* const shared = new Rig({identity("m")});
  return *shared;
}

std::string log_json(const std::string& info, int verbose, const std::string& format) {
  return R"({"log_file":"","log_info":)" + info +
         R"(,"log_warning":true,"log_error":true,"log_verbose_level":)" + std::to_string(verbose) +
         R"(,"log_format":")" + format + "\"}";
}

class LoggingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EXPECT_ANSWER(rig().post(kLogging, R"({"log_info":true,"log_warning":true,"log_error":true,)"
                                       R"("log_verbose_level":0,"log_format":"default"})"),
                  200, log_json("true", 0, "default"));
  }
  void TearDown() override { SetUp(); }
};

TEST_F(LoggingTest, ChangesAreAnsweredAndInForce) {
  EXPECT_ANSWER(
      rig().post(kLogging, R"({"log_info":false,"log_verbose_level":2,"log_format":"ISO8601"})"),
      200, log_json("false", 2, "ISO8601"));
  EXPECT_ANSWER(rig().get(kLogging), 200, log_json("false", 2, "ISO8601"));
  EXPECT_FALSE(triton::log_enabled(rig().core.server->library(), triton::LogLevel::kInfo));
}

TEST_F(LoggingTest, NullsAndUnknownMembersAreIgnored) {
  for (const char* body : {"{}", "[]", R"({"other":[1,{"log_info":false}]})",
                           R"({"log_info":null,"log_file":null,"log_format":null,)"
                           R"("log_verbose_level":null})",
                           R"({"log_info":true,"log_info":false})"}) {
    EXPECT_ANSWER(rig().post(kLogging, body), 200, log_json("true", 0, "default"));
  }
}

// A defect of the reference: it applies the members before the one that is wrong, wraps large
// levels around and answers 503 for a bad format.
TEST_F(LoggingTest, AWrongMemberChangesNothing) {
  const std::string good = R"({"log_info":false,)";
  EXPECT_ANSWER(rig().post(kLogging, good + R"("log_error":1})"), 500,
                error("attempt to access JSON non-boolean as boolean"));
  EXPECT_ANSWER(rig().post(kLogging, good + R"("log_verbose_level":-1})"), 500,
                error("attempt to access JSON non-unsigned-integer as unsigned-integer"));
  EXPECT_ANSWER(rig().post(kLogging, good + R"("log_verbose_level":4294967296})"), 400,
                error("Unable to parse 'log_verbose_level', value is out of range [ 0, 2147483647 "
                      "], got: 4294967296"));
  EXPECT_ANSWER(rig().post(kLogging, good + R"("log_format":"iso"})"), 400,
                error("invalid argument for --log_format, got: iso"));
  EXPECT_ANSWER(rig().post(kLogging, good + R"("log_format":1})"), 500,
                error("attempt to access JSON non-string as string"));
  EXPECT_ANSWER(rig().post(kLogging, good + R"("log_file":"/tmp/x"})"), 501,
                error("log file location can not be updated through network protocol"));
  EXPECT_ANSWER(rig().post(kLogging, ""), 500, kEmptyDocument);
  EXPECT_EQ(rig().post(kLogging, R"({"log_info":false)").status, 500);
  EXPECT_ANSWER(rig().get(kLogging), 200, log_json("true", 0, "default"));
}

std::string trace_json(const std::string& levels, const std::string& rate = "1000",
                       const std::string& count = "-1", const std::string& frequency = "0",
                       const std::string& file = "") {
  return R"({"trace_level":[)" + levels + R"(],"trace_rate":")" + rate + R"(","trace_count":")" +
         count + R"(","log_frequency":")" + frequency + R"(","trace_file":")" + file +
         R"(","trace_mode":"triton"})";
}

const std::string kOff = R"("OFF")";

class TraceTest : public ::testing::Test {
 protected:
  void TearDown() override { (void)tracing().configure({}); }
  static kserve::Tracing& tracing() { return rig().context.inference.extensions().tracing; }
  std::string file() const { return directory_.path() + "/t.json"; }
  void start() { ASSERT_TRUE(tracing().configure({.file = file()})); }

  testing::TemporaryDirectory directory_;
};

TEST_F(TraceTest, ReadAndChanged) {
  start();
  EXPECT_ANSWER(rig().get(kTrace), 200, trace_json(kOff, "1000", "-1", "0", file()));
  const std::string changed = trace_json(R"("TIMESTAMPS","TENSORS")", "5", "7", "9", file());
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":["TENSORS","TIMESTAMPS"],"trace_rate":"5",)"
                                   R"("trace_count":"7","log_frequency":"9"})"),
                200, changed);
  EXPECT_ANSWER(rig().get(kModelTrace), 200, changed);
  EXPECT_ANSWER(rig().post(kModelTrace, R"({"trace_level":["OFF"],"trace_rate":"2"})"), 200,
                trace_json(kOff, "2", "7", "9", file()));
  EXPECT_ANSWER(rig().post(kModelTrace, R"({"trace_level":null,"trace_rate":null})"), 200, changed);
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":null,"trace_rate":null,"trace_count":null,)"
                                   R"("log_frequency":null})"),
                200, trace_json(kOff, "1000", "-1", "0", file()));
  for (const char* body : {"{}", "[]", R"({"trace_level":[]})"}) {
    EXPECT_ANSWER(rig().post(kTrace, body), 200, trace_json(kOff, "1000", "-1", "0", file()));
  }
}

TEST_F(TraceTest, AWrongMemberChangesNothing) {
  start();
  const std::string good = R"({"trace_level":["TIMESTAMPS"],"trace_rate":"3",)";
  const auto refused = [&](const std::string& member, int status, const std::string& message) {
    EXPECT_ANSWER(rig().post(kTrace, good + member + "}"), status, error(message));
  };
  refused(R"("trace_file":null)", 501,
          "trace file location can not be updated through network protocol");
  refused(R"("trace_count":1)", 500, "attempt to access JSON non-string as string");
  refused(R"("trace_count":"-2")", 400,
          "Unable to parse 'trace_count'. Expecting value >= -1, got:-2");
  refused(R"("trace_count":"x")", 400, "Unable to parse 'trace_count', got: x");
  refused(R"("log_frequency":"-1")", 400,
          "Unable to parse 'log_frequency', value is out of range [ 0, 4294967295 ], got: -1");
  refused(R"("trace_levels":[{"OFF":1}])", 400,
          "unknown trace setting 'trace_levels', expected trace_level, trace_rate, trace_count or "
          "log_frequency");
  refused(R"("trace_mode":"opentelemetry")", 400,
          "trace mode can not be updated through network protocol");
  refused(R"("trace_mode":null)", 400, "trace mode can not be updated through network protocol");
  refused(R"("trace_mode":1)", 500, "attempt to access JSON non-string as string");
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":"OFF"})"), 500,
                error("attempt to access JSON non-array as array"));
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":[1]})"), 500,
                error("attempt to access JSON non-string as string"));
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":["OFF","TENSORS"]})"), 400,
                error("Expect only one trace level 'OFF' is specified"));
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":["ALL"]})"), 400,
                error("Unable to parse 'trace_level', expected OFF, TIMESTAMPS or TENSORS, got: "
                      "ALL"));
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":["TENSORS"],"trace_rate":"0"})"), 400,
                error("Attempting to set invalid trace setting :sample rate must be non-zero"));
  EXPECT_ANSWER(rig().post(kTrace, ""), 500, kEmptyDocument);
  EXPECT_ANSWER(rig().get(kTrace), 200, trace_json(kOff, "1000", "-1", "0", file()));
}

TEST_F(TraceTest, MoreLevelsThanThereCanBe) {
  start();
  std::string levels = R"("TENSORS")";
  for (int i = 1; i < 64; ++i) levels += R"(,"TENSORS")";
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":[)" + levels + "]}"), 200,
                trace_json(R"("TENSORS")", "1000", "-1", "0", file()));
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":[)" + levels + R"(,"OFF"],"trace_rate":"5"})"),
                400, error("Unable to parse 'trace_level', expected at most 64 levels"));
  EXPECT_ANSWER(rig().get(kTrace), 200, trace_json(R"("TENSORS")", "1000", "-1", "0", file()));
}

TEST_F(TraceTest, WithoutAFileNothingCanBeTraced) {
  EXPECT_ANSWER(rig().get(kTrace), 200, trace_json(kOff));
  EXPECT_ANSWER(rig().post(kTrace, R"({"trace_level":["TIMESTAMPS"]})"), 400,
                error("Attempting to set invalid trace setting :trace file name is not given"));
}

TEST_F(TraceTest, UnknownModels) {
  EXPECT_ANSWER(rig().get("/v2/models/none/trace/setting"), 400,
                error("Request for unknown model : none"));
  EXPECT_ANSWER(rig().post("/v2/models/none/trace/setting", "{}"), 400,
                error("Request for unknown model : none"));
}

TEST_F(TraceTest, OneInferenceIsRecordedWithWhatTheFrontendSaw) {
  start();
  ASSERT_EQ(rig().post(kTrace, R"({"trace_level":["TIMESTAMPS"],"trace_rate":"1"})").status, 200);
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const std::string body = infer_body("FP32", "[1]", "[1]");
  ASSERT_EQ(rig().post("/v2/models/m/infer", body, {{"traceparent", parent}}).status, 200);
  ASSERT_EQ(rig().post("/v2/models/m/infer", "{").status, 500);
  ASSERT_EQ(
      rig().post("/v2/models/m/infer", body, {{"inference-header-content-length", "x"}}).status,
      400);
  ASSERT_EQ(rig().post("/v2/models/none/infer", body).status, 404);
  const base::TimePoint deadline = base::Clock::now() + testing::kPatience;
  while (triton::Trace::alive() > 0 && base::Clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(triton::Trace::alive(), 0U);
  ASSERT_TRUE(kserve::TraceWriter::global().flush(testing::kPatience));
  std::ifstream written(file());
  std::stringstream text;
  text << written.rdbuf();
  for (const char* activity : {"HTTP_RECV_START", "HTTP_RECV_END", "INFER_RESPONSE_COMPLETE",
                               "HTTP_SEND_START", "HTTP_SEND_END", "COMPUTE_END"}) {
    EXPECT_THAT(text.str(), HasSubstr(activity));
  }
  EXPECT_THAT(text.str(), HasSubstr("\"traceparent\":\"" + parent + "\""));
}

TEST(TraceContextTest, OneParentAndTheStatesAsOneList) {
  const auto context_of = [](const std::vector<http::HeaderView>& headers) {
    http::RequestHead head;
    head.headers = headers;
    return trace_context_of(head);
  };
  EXPECT_EQ(context_of({}).traceparent, "");
  const auto context =
      context_of({{"TraceState", "a=1"}, {"Traceparent", "p"}, {"tracestate", "b=2"}});
  EXPECT_EQ(context.traceparent, "p");
  EXPECT_EQ(context.tracestate, "a=1,b=2");
  EXPECT_EQ(context_of({{"traceparent", "p"}, {"traceparent", "q"}}).traceparent, "");
  EXPECT_EQ(context_of({{"tracestate", "a=1"}}).tracestate, "");
}

}  // namespace
}  // namespace tfe::kserve_http
