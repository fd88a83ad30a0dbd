#include "http/cors.h"

#include <gtest/gtest.h>

#include "http/recording.h"

namespace tfe::http {
namespace {

constexpr std::string_view kPage = "https://app.example";

class CorsTest : public testing::Test {
 protected:
  CorsTest() {
    handler->at_once = [](Exchange& inner) {
      inner.respond({.status = 200, .headers = {{"content-type", "text/plain"}}},
                    base::Chain::of("served"));
    };
  }
  // The exchange after a request with these headers.
  const RecordingExchange& request(CorsOptions options, std::string_view method,
                                   const std::vector<HeaderView>& headers) {
    EXPECT_TRUE(check_cors(options).has_value());
    Cors cors(handler, std::move(options));
    exchange = std::make_unique<RecordingExchange>();
    RequestHead head;
    head.method = method;
    head.target = "/v2";
    head.headers = headers;
    exchange->run(cors, head);
    return *exchange;
  }

  std::shared_ptr<CountingHandler> handler = std::make_shared<CountingHandler>();
  std::unique_ptr<RecordingExchange> exchange;
};

TEST_F(CorsTest, MakesAnswersReadableToAllowedOrigins) {
  const auto& one =
      request({.allow_origins = {"http://x", std::string(kPage)}}, "GET", {{"Origin", kPage}});
  EXPECT_EQ(one.body, "served");
  EXPECT_EQ(one.header("content-type"), "text/plain");
  EXPECT_EQ(one.header("access-control-allow-origin"), kPage);
  EXPECT_EQ(one.header("vary"), "Origin");
  EXPECT_NE(one.header("access-control-expose-headers").find("Inference-Header-Content-Length"),
            std::string::npos);
  EXPECT_EQ(one.header("access-control-allow-credentials"), "(none)");

  const auto& any = request({.allow_origins = {"*"}}, "GET", {{"Origin", kPage}});
  EXPECT_EQ(any.header("access-control-allow-origin"), "*");
  EXPECT_EQ(any.header("vary"), "(none)");
}

TEST_F(CorsTest, ServesOtherOriginsWithoutPermission) {
  const auto& other =
      request({.allow_origins = {std::string(kPage)}}, "GET", {{"origin", "https://evil.example"}});
  EXPECT_EQ(other.body, "served");
  EXPECT_EQ(other.header("access-control-allow-origin"), "(none)");
  EXPECT_EQ(other.header("vary"), "Origin") << "for shared caches";
}

TEST_F(CorsTest, NeedsNothingOfClientsWithoutAnOrigin) {
  EXPECT_EQ(request({.allow_origins = {"*"}}, "GET", {}).header("access-control-allow-origin"),
            "(none)");
  EXPECT_EQ(request({.allow_origins = {std::string(kPage)}}, "GET", {}).header("vary"), "Origin");
}

TEST_F(CorsTest, ExtendsAVaryHeader) {
  handler->at_once = [](Exchange& inner) {
    inner.respond({.status = 200, .headers = {{"vary", "Accept-Encoding"}}}, {});
  };
  const auto& answer = request({.allow_origins = {std::string(kPage)}}, "GET", {});
  EXPECT_EQ(answer.header("vary"), "Accept-Encoding, Origin");
}

TEST_F(CorsTest, AnswersPreflightsItself) {
  const auto& answer = request({.allow_origins = {std::string(kPage)}}, "OPTIONS",
                               {{"Origin", kPage},
                                {"Access-Control-Request-Method", "POST"},
                                {"Access-Control-Request-Headers", "content-type,x-key"}});
  EXPECT_EQ(handler->requests, 0);
  EXPECT_EQ(answer.head.status, 204);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.header("access-control-allow-origin"), kPage);
  EXPECT_NE(answer.header("access-control-allow-methods").find("POST"), std::string::npos);
  EXPECT_EQ(answer.header("access-control-allow-headers"), "content-type, x-key");
  EXPECT_EQ(answer.header("access-control-max-age"), "600");
  EXPECT_EQ(answer.header("vary"), "Origin, Access-Control-Request-Headers");
}

TEST_F(CorsTest, RefusesBadPreflights) {
  const CorsOptions options{.allow_origins = {std::string(kPage)}};
  const auto& other = request(options, "OPTIONS",
                              {{"Origin", "http://x"}, {"Access-Control-Request-Method", "GET"}});
  EXPECT_EQ(other.head.status, 403);
  EXPECT_EQ(other.header("access-control-allow-origin"), "(none)");
  EXPECT_EQ(request(options, "OPTIONS",
                    {{"Origin", kPage},
                     {"Access-Control-Request-Method", "GET"},
                     {"Access-Control-Request-Headers", "a b, c"}})
                .head.status,
            400);
  EXPECT_EQ(handler->requests, 0);
}

TEST_F(CorsTest, OtherOptionsRequestsReachTheService) {
  request({.allow_origins = {"*"}}, "OPTIONS", {{"Origin", kPage}});
  EXPECT_EQ(handler->requests, 1);
}

TEST_F(CorsTest, CanAllowCredentials) {
  const auto& answer = request({.allow_origins = {std::string(kPage)}, .allow_credentials = true},
                               "GET", {{"Origin", kPage}});
  EXPECT_EQ(answer.header("access-control-allow-credentials"), "true");
  EXPECT_FALSE(check_cors({.allow_origins = {"*"}, .allow_credentials = true}).has_value());
}

TEST_F(CorsTest, NamesWhatIsNotAnOrigin) {
  for (const char* bad : {"", "app.example", "https://", "://x", "https://a/", "https://a b",
                          "https://u@h", "https://a,https://b"}) {
    const auto checked = check_cors({.allow_origins = {bad}});
    ASSERT_FALSE(checked.has_value()) << bad;
    EXPECT_EQ(checked.error().message,
              "cors_allow_origins: expected \"*\" or scheme://host[:port], got \"" +
                  std::string(bad) + "\"");
  }
  EXPECT_TRUE(check_cors({.allow_origins = {"*", "http://localhost:3000", "https://[::1]"}}));
}

}  // namespace
}  // namespace tfe::http
