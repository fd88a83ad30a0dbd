// How many pings of a client are tolerated.
#include "http2/ping_strikes.h"

#include "http2/wire.h"

namespace tfe::http2 {
namespace {

using testing::frame;
using testing::headers;
using testing::kPost;
using testing::Wire;

const std::string kPing = frame(NGHTTP2_PING, 0, 0, "12345678");

TEST(PingStrikes, CountPingsThatComeTooSoon) {
  Options options;
  options.keepalive_without_calls = true;
  options.min_ping_interval = milliseconds(100);
  options.max_ping_strikes = 2;
  PingStrikes strikes(options);
  base::TimePoint now{std::chrono::hours(1)};
  EXPECT_TRUE(strikes.allow(true, now));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(strikes.allow(true, now += milliseconds(100)));
  EXPECT_TRUE(strikes.allow(true, now += milliseconds(99)));
  EXPECT_TRUE(strikes.allow(true, now += milliseconds(99)));
  EXPECT_FALSE(strikes.allow(true, now += milliseconds(99)));
}

TEST(PingStrikes, AreForgivenWhenDataIsSent) {
  const Options options;
  PingStrikes strikes(options);
  const base::TimePoint now{std::chrono::hours(1)};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(strikes.allow(true, now));
  strikes.sent_data();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(strikes.allow(true, now));
  EXPECT_FALSE(strikes.allow(true, now));
}

TEST(PingStrikes, AreStricterWithoutCalls) {
  Options options;
  options.min_ping_interval = milliseconds(100);
  options.max_ping_strikes = 1;
  PingStrikes strikes(options);
  base::TimePoint now{std::chrono::hours(1)};
  EXPECT_TRUE(strikes.allow(false, now));
  EXPECT_TRUE(strikes.allow(false, now += std::chrono::hours(2)));
  EXPECT_TRUE(strikes.allow(false, now += std::chrono::hours(1)));
  EXPECT_FALSE(strikes.allow(false, now += std::chrono::hours(1)));
}

TEST(PingStrikes, OfNumberZeroAreNeverTooMany) {
  Options options;
  options.max_ping_strikes = 0;
  PingStrikes strikes(options);
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(strikes.allow(false, base::TimePoint{}));
}

TEST(TooManyPings, AreToldSo) {
  Wire wire;
  for (int i = 0; i < 3; ++i) {
    wire.send(kPing);
    EXPECT_EQ(wire.goaway(), -1);
    EXPECT_EQ(wire.count(NGHTTP2_PING, 0), 1u);
  }
  wire.send(kPing);
  EXPECT_EQ(wire.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  // Acknowledged all the same, and before.
  ASSERT_EQ(wire.replies.size(), 2u);
  EXPECT_EQ(wire.replies[0].type, NGHTTP2_PING);
  EXPECT_EQ(wire.replies[1].payload.substr(8), "too_many_pings");
  EXPECT_TRUE(wire.finished());
}

TEST(TooManyPings, AreToldOnce) {
  Wire wire;
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += kPing;
  wire.send(flood);
  EXPECT_EQ(wire.count(NGHTTP2_GOAWAY, 0), 1u);
}

// gRPC clients measure bandwidth with a PING for each burst of data that they get.
TEST(TooManyPings, AreNotThoseOfABusyConnection) {
  Wire wire;
  for (std::uint32_t stream = 1; stream < 201; stream += 2) {
    wire.send(headers(stream, kPost) + kPing);
    ASSERT_EQ(wire.goaway(), -1);
    ASSERT_TRUE(wire.answered(stream));
  }
}

}  // namespace
}  // namespace tfe::http2
