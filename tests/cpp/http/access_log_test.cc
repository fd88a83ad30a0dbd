#include "http/access_log.h"

#include <gtest/gtest.h>

#include <cctype>

#include "http/date.h"
#include "http/json_text.h"
#include "http/recording.h"

namespace tfe::http {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonText, IsAlwaysValid) {
  EXPECT_EQ(quoted("plain"), R"("plain")");
  EXPECT_EQ(quoted("a\"b\\c\n\x01\x7f"), R"("a\"b\\c\u000a\u0001\u007f")");
  EXPECT_EQ(quoted("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
            "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
  EXPECT_EQ(quoted("\xfc"), R"("\u00fc")") << "ISO 8859-1";
  EXPECT_EQ(quoted("\xc3"), R"("\u00c3")") << "cut off";
  EXPECT_EQ(quoted("\xc0\xaf"), R"("\u00c0\u00af")") << "overlong";
  EXPECT_EQ(quoted("\xe0\x80\x80"), R"("\u00e0\u0080\u0080")") << "overlong";
  EXPECT_EQ(quoted("\xed\xa0\x80"), R"("\u00ed\u00a0\u0080")") << "a surrogate";
  EXPECT_EQ(quoted("\xf4\x90\x80\x80"), R"("\u00f4\u0090\u0080\u0080")") << "above U+10FFFF";
}

TEST(Timestamp, IsRfc3339) {
  const auto time = std::chrono::system_clock::from_time_t(1769860800);
  EXPECT_EQ(format_timestamp(time), "2026-01-31T12:00:00.000Z");
  EXPECT_EQ(format_timestamp(time + std::chrono::microseconds(7999)), "2026-01-31T12:00:00.007Z");
  EXPECT_EQ(format_timestamp(time - std::chrono::milliseconds(1)), "2026-01-31T11:59:59.999Z");
}

class AccessLogTest : public testing::Test {
 protected:
  void run(const std::vector<HeaderView>& headers = {}) {
    RequestHead head;
    head.method = "POST";
    head.target = "/v2/models/m/infer";
    head.peer = "10.0.0.7:51234";
    head.headers = headers;
    exchange.run(log, head);
  }
  // The line without its time and duration, which are checked for shape.
  std::string line(std::size_t index) const {
    std::string text = lines.at(index);
    const std::string_view shape = R"({"time":"dddd-dd-ddTdd:dd:dd.dddZ",)";
    EXPECT_GE(text.size(), shape.size());
    for (std::size_t i = 0; i < shape.size() && i < text.size(); ++i) {
      const bool digit = i > 8 && shape[i] == 'd';
      EXPECT_TRUE(digit ? std::isdigit(text[i]) != 0 : text[i] == shape[i]) << text;
    }
    text.replace(0, shape.size(), "{");
    const std::string_view name = R"("duration_us":)";
    const std::size_t at = text.find(name);
    EXPECT_NE(at, std::string::npos) << text;
    const std::size_t end = text.find_first_not_of("0123456789", at + name.size());
    EXPECT_GT(end, at + name.size()) << text;
    EXPECT_EQ(text[end], ',') << text;
    return text.erase(at, end + 1 - at);
  }

  std::vector<std::string> lines;
  std::shared_ptr<CountingHandler> handler = std::make_shared<CountingHandler>();
  AccessLog log{handler, [this](std::string_view text) { lines.emplace_back(text); }};
  RecordingExchange exchange;
};

TEST_F(AccessLogTest, WritesOneLinePerRequest) {
  run({{"User-Agent", "curl \"8\""}, {"X-Request-Id", "r1"}, {"traceparent", "00-ab-cd-01"}});
  exchange.sink->on_body(base::as_bytes("abc"));
  exchange.sink->on_body(base::as_bytes("de"));
  exchange.sink->on_end();
  EXPECT_TRUE(lines.empty());
  handler->last->exchange.start({.status = 202, .headers = {}});
  handler->last->exchange.write(base::Chain::of("1234"));
  handler->last->exchange.write(base::Chain::of("567"));
  handler->last->exchange.finish({});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(line(0), R"({"peer":"10.0.0.7:51234","method":"POST","path":"/v2/models/m/infer",)"
                     R"("protocol":"HTTP/1.1","status":202,"request_bytes":5,"response_bytes":7,)"
                     R"("request_id":"r1","traceparent":"00-ab-cd-01","user_agent":"curl \"8\"",)"
                     R"("aborted":false})");
}

TEST_F(AccessLogTest, TellsOfRequestsThatWereBrokenOff) {
  run();
  exchange.sink->on_abort();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(line(0).find(R"("status":0,"request_bytes":0,"response_bytes":0,"aborted":true})"),
            std::string::npos)
      << line(0);
  EXPECT_EQ(handler->last->aborts, 1);
}

TEST_F(AccessLogTest, TellsOfRequestsThatTheProtocolRefused) {
  log.on_refused({.peer = "p", .method = "GET", .target = "/a\x01", .version = 10, .status = 400});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(line(0),
            R"({"peer":"p","method":"GET","path":"/a\u0001","protocol":"HTTP/1.0","status":400,)"
            R"("request_bytes":0,"response_bytes":0,"aborted":false})");
  EXPECT_EQ(handler->refused, 1);
}

TEST_F(AccessLogTest, CutsLongTexts) {
  const std::string agent(100'000, 'a');
  run({{"user-agent", agent}});
  handler->last->exchange.respond({}, {});
  EXPECT_LT(lines.at(0).size(), kMaxLoggedText + 500);
}

TEST_F(AccessLogTest, SaysHowManyLinesWereDropped) {
  const std::string text = AccessLog::dropped_line(7);
  EXPECT_TRUE(text.ends_with(R"(Z","dropped_lines":7})")) << text;
}

}  // namespace
}  // namespace tfe::http
