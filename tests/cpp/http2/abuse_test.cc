// Each limit against hostile peers, one test.
#include "http2/attack.h"

namespace tfe::http2 {
namespace {

using testing::answer;
using testing::attack;
using testing::frame;
using testing::kNoGoaway;
using testing::Rig;
using testing::Seen;

TEST(TokenBucket, EmptiesAndRefills) {
  const base::TimePoint start{std::chrono::hours(1)};
  TokenBucket bucket({.burst = 2, .per_second = 1}, start);
  EXPECT_TRUE(bucket.take(start));
  EXPECT_TRUE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start + std::chrono::milliseconds(900)));
  EXPECT_TRUE(bucket.take(start + std::chrono::milliseconds(1'000)));
  EXPECT_TRUE(bucket.take(start + std::chrono::hours(1)));
  EXPECT_TRUE(bucket.take(start + std::chrono::hours(1)));
  EXPECT_FALSE(bucket.take(start + std::chrono::hours(1)));
}

TEST(Http2Abuse, EndsAPingFlood) {
  Options options;
  options.abuse.pings = {.burst = 100, .per_second = 0};
  options.max_ping_strikes = 0;
  Rig rig(options);
  rig.talk();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(attack(rig, frame(NGHTTP2_PING, 0, 0, "12345678")), kNoGoaway);
  }
  EXPECT_EQ(attack(rig, frame(NGHTTP2_PING, 0, 0, "12345678")), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Abuse, EndsASettingsFlood) {
  Options options;
  options.abuse.settings = {.burst = 10, .per_second = 0};
  Rig rig(options);
  rig.talk();
  // The peer's own SETTINGS were the first.
  for (int i = 0; i < 9; ++i) {
    EXPECT_EQ(attack(rig, frame(NGHTTP2_SETTINGS, 0, 0, "")), kNoGoaway);
  }
  EXPECT_EQ(attack(rig, frame(NGHTTP2_SETTINGS, 0, 0, "")), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(Http2Abuse, EndsAPriorityFlood) {
  Options options;
  options.abuse.priorities = {.burst = 10, .per_second = 0};
  Rig rig(options);
  rig.talk();
  const std::string priority = frame(NGHTTP2_PRIORITY, 0, 3, std::string("\0\0\0\0\x10", 5));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(attack(rig, priority), kNoGoaway);
  EXPECT_EQ(attack(rig, priority), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(Http2Abuse, IgnoresUnknownFrames) {
  Rig rig;
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, "fine"); };
  rig.talk();
  std::string flood;
  for (int i = 0; i < 5'000; ++i) flood += frame(0xEE, 0xFF, 7, "whatever");
  EXPECT_EQ(attack(rig, flood), kNoGoaway);
  const auto id = rig.peer.request("", true);
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body, "fine");
}

TEST(Http2Abuse, EndsAFloodOfEmptyDataFrames) {
  Rig rig;
  const auto id = rig.peer.request("", false);
  rig.talk();
  const std::string empty = frame(NGHTTP2_DATA, 0, static_cast<std::uint32_t>(id), "");
  for (int i = 0; i < 128; ++i) EXPECT_EQ(attack(rig, empty), kNoGoaway);
  EXPECT_EQ(attack(rig, empty), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(Http2Abuse, EndsARapidReset) {
  Options options;
  options.abuse.peer_resets = {.burst = 20, .per_second = 1};
  Rig rig(options);
  rig.talk();
  for (int i = 0; i < 30; ++i) {
    const auto id = rig.peer.request("", false);
    const std::string opened = rig.peer.take_output();
    rig.deliver(opened);
    rig.peer.reset(id);
    attack(rig, rig.peer.take_output());
  }
  EXPECT_TRUE(rig.connection.finished());
  EXPECT_LT(rig.handler.requests.size(), 30u);
}

TEST(Http2Abuse, BoundsTheWorkBehindResets) {
  Options options;
  options.abuse.max_abandoned = 5;
  Rig rig(options);
  rig.handler.keep_sinks = true;
  for (int i = 0; i < 5; ++i) {
    const auto id = rig.peer.request("", true);
    rig.talk();
    rig.peer.reset(id);
    rig.talk();
  }
  const auto refused = rig.peer.request("", true);
  rig.talk();
  EXPECT_EQ(rig.peer.reply(refused).close_code, static_cast<std::uint32_t>(NGHTTP2_REFUSED_STREAM));
  EXPECT_EQ(rig.handler.requests.size(), 5u);
  // The work ends, and requests are taken again.
  rig.handler.kept.clear();
  rig.peer.request("", true);
  rig.talk();
  EXPECT_EQ(rig.handler.requests.size(), 6u);
}

TEST(Http2Abuse, EndsAFloodOfProvokedResets) {
  Options options;
  options.abuse.provoked_resets = {.burst = 5, .per_second = 0};
  Rig rig(options);
  rig.talk();
  std::int64_t code = kNoGoaway;
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(code, kNoGoaway);
    const auto id = rig.peer.request("", false);
    rig.talk();
    // A window beyond 2^31-1 is an error of the stream alone.
    code = attack(
        rig, frame(NGHTTP2_WINDOW_UPDATE, 0, static_cast<std::uint32_t>(id), "\x7F\xFF\xFF\xFF"));
  }
  EXPECT_EQ(code, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(Http2Abuse, EndsAWindowThatIsOpenedByteByByte) {
  Options options;
  options.abuse.dribbles = {.burst = 50, .per_second = 0};
  Rig rig(options, {.settings = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0}}});
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, std::string(1'000, 'r')); };
  const auto id = rig.peer.request("", true);
  rig.talk();
  std::size_t updates = 0;
  while (!rig.connection.finished() && updates < 1'000) {
    attack(rig, frame(NGHTTP2_WINDOW_UPDATE, 0, static_cast<std::uint32_t>(id),
                      std::string("\0\0\0\1", 4)));
    ++updates;
  }
  EXPECT_EQ(updates, 51u);
}

// What is left of a window and then a large update, as clients do it.
TEST(Http2Abuse, LetsWindowsEndInSmallFrames) {
  Options options;
  options.abuse.dribbles = {.burst = 2, .per_second = 0};
  Rig rig(options, {.settings = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 16'394}}});
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, std::string(60'000, 'r')); };
  const auto id = rig.peer.request("", true);
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body.size(), 60'000u);
}

TEST(Http2Abuse, RefusesALongListOfSettings) {
  Rig rig;
  rig.talk();
  std::string entries;
  for (int i = 0; i < 33; ++i) entries += std::string("\0\4\0\1\0\0", 6);
  attack(rig, frame(NGHTTP2_SETTINGS, 0, 0, entries));
  EXPECT_TRUE(rig.connection.finished());
}

// Acknowledgements pile up for a peer that sends and does not read; the queue is short.
TEST(Http2Abuse, EndsAPeerThatPingsAndDoesNotRead) {
  Options options;
  options.max_ping_strikes = 0;
  options.abuse.pings = {.burst = 1'000'000, .per_second = 0};
  options.abuse.queued_acks = 100;
  Rig rig(options);
  rig.talk();
  std::string flood;
  for (int i = 0; i < 200; ++i) flood += frame(NGHTTP2_PING, 0, 0, "12345678");
  rig.deliver(flood);
  EXPECT_TRUE(rig.connection.finished());
  EXPECT_LT(rig.take_output().size(), 200u * 17);
}

TEST(Http2Abuse, RefusesStreamsAboveTheLimit) {
  Options options;
  options.max_concurrent_streams = 2;
  Rig rig(options);
  // Three at once, before our SETTINGS are known to the peer.
  rig.peer.request("", true);
  rig.peer.request("", true);
  const auto third = rig.peer.request("", true);
  rig.talk();
  EXPECT_EQ(rig.handler.requests.size(), 2u);
  EXPECT_EQ(rig.peer.reply(third).close_code, static_cast<std::uint32_t>(NGHTTP2_REFUSED_STREAM));
  EXPECT_EQ(rig.handler.refused.size(), 1u);
}

TEST(Http2Abuse, ClosesOnBrokenFrames) {
  const std::vector<std::string> broken{
      frame(NGHTTP2_PING, 0, 0, "1234567"),
      frame(NGHTTP2_WINDOW_UPDATE, 0, 0, std::string(4, '\0')),
      frame(NGHTTP2_DATA, 0, 0, "x"),
      frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 2, "x"),
      frame(NGHTTP2_CONTINUATION, 0, 1, "x"),
      frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF"),
      frame(NGHTTP2_SETTINGS, 0, 0, std::string("\0\4\xFF\xFF\xFF\xFF", 6)),
      frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, std::string(4, '\0'))};
  for (const std::string& bytes : broken) {
    Rig rig;
    rig.handler.on_open = [](Seen&) {};
    rig.talk();
    EXPECT_GT(attack(rig, bytes), 0) << static_cast<int>(bytes[3]);
    EXPECT_TRUE(rig.connection.finished()) << static_cast<int>(bytes[3]);
  }
}

}  // namespace
}  // namespace tfe::http2
