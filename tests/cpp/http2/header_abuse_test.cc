// Header blocks without measure.
#include "http2/attack.h"

namespace tfe::http2 {
namespace {

using testing::answer;
using testing::attack;
using testing::frame;
using testing::kNoGoaway;
using testing::Rig;
using testing::Seen;

TEST(Http2Abuse, EndsAContinuationFlood) {
  Rig rig;
  rig.talk();
  std::string flood = frame(NGHTTP2_HEADERS, 0, 1, "");
  for (int i = 0; i < 100; ++i) flood += frame(NGHTTP2_CONTINUATION, 0, 1, "");
  attack(rig, flood);
  EXPECT_TRUE(rig.connection.finished());
  EXPECT_EQ(rig.handler.requests.size(), 0u);
}

TEST(Http2Abuse, EndsAFloodOfHeadersInsideARequest) {
  Options options;
  options.abuse.provoked_resets = {.burst = 5, .per_second = 0};
  Rig rig(options);
  rig.talk();
  std::int64_t code = kNoGoaway;
  for (int i = 0; i < 10 && code == kNoGoaway; ++i) {
    const auto id = rig.peer.request("", false);
    rig.talk();
    // Trailers that do not end the request: the first is an error already.
    code = attack(
        rig, frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, static_cast<std::uint32_t>(id), ""));
  }
  EXPECT_EQ(code, NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(Http2Abuse, EndsAFloodOfHeadersForAStreamThatIsGone) {
  Options options;
  options.abuse.provoked_resets = {.burst = 5, .per_second = 0};
  Rig rig(options);
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, "fine"); };
  const auto id = rig.peer.request("", true);
  rig.talk();
  const std::string late =
      frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, static_cast<std::uint32_t>(id), "");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(attack(rig, late), kNoGoaway);
  EXPECT_EQ(attack(rig, late), NGHTTP2_ENHANCE_YOUR_CALM);
}

// One header of 4,000 bytes in the table, then `repeats` bytes that each stand for it.
std::string bomb(std::uint32_t stream, std::size_t repeats) {
  const std::string post{'\x83', '\x86', '\x44', '\5', '/', 'p', 'a', 't', 'h', '\x41', '\1', 'x'};
  return frame(
      NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream,
      post + "\x40\1a\x7F\xA1\x1E" + std::string(4'000, 'v') + std::string(repeats, '\xBE'));
}

TEST(Http2Abuse, ResetsAHeaderBomb) {
  Rig rig;
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, "fine"); };
  rig.talk();
  EXPECT_EQ(attack(rig, bomb(1, 10'000)), kNoGoaway);
  EXPECT_EQ(rig.handler.requests.size(), 0u);
  EXPECT_EQ(rig.handler.refused, std::vector<std::string>{"POST /path 431"});
  EXPECT_FALSE(rig.connection.finished());
}

TEST(Http2Abuse, EndsAfterManyHeaderBombs) {
  Options options;
  options.abuse.provoked_resets = {.burst = 3, .per_second = 0};
  Rig rig(options);
  rig.talk();
  for (std::uint32_t stream = 1; stream < 7; stream += 2) {
    EXPECT_EQ(attack(rig, bomb(stream, 1'000)), kNoGoaway);
  }
  EXPECT_EQ(attack(rig, bomb(7, 1'000)), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST(Http2Abuse, EndsAHeaderBlockWithoutMeasure) {
  Rig rig;
  rig.talk();
  EXPECT_EQ(attack(rig, bomb(1, 150'000)), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(rig.handler.requests.size(), 0u);
}

}  // namespace
}  // namespace tfe::http2
