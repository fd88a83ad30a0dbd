// Sizes, formats and values of the frames that are of the connection (RFC 9113 sections 6.5
// to 6.9).
#include "http2/wire.h"

namespace tfe::http2 {
namespace {

using testing::data;
using testing::expect_end;
using testing::expect_reset;
using testing::frame;
using testing::headers;
using testing::kPost;
using testing::setting;
using testing::u32;
using testing::Wire;

// --- SETTINGS ------------------------------------------------------------------------------------

class BadSettings : public ::testing::TestWithParam<std::pair<std::string, std::uint32_t>> {};

TEST_P(BadSettings, EndTheConnection) {
  Wire wire;
  wire.send(frame(NGHTTP2_SETTINGS, 0, 0, GetParam().first));
  expect_end(wire, GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(
    Values, BadSettings,
    ::testing::Values(
        std::pair(std::string("12345"), NGHTTP2_FRAME_SIZE_ERROR),
        std::pair(setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 2), NGHTTP2_PROTOCOL_ERROR),
        std::pair(setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1U << 31),
                  NGHTTP2_FLOW_CONTROL_ERROR),
        std::pair(setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16'383), NGHTTP2_PROTOCOL_ERROR),
        std::pair(setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 1U << 24), NGHTTP2_PROTOCOL_ERROR),
        std::pair(setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 2), NGHTTP2_PROTOCOL_ERROR)));

TEST(Settings, OnAStreamAreAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_SETTINGS, 0, 1, ""));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Settings, AcknowledgementsWithAPayloadAreAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, setting(4, 1)));
  expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(Settings, AreAcknowledged) {
  Wire wire;
  wire.send(frame(NGHTTP2_SETTINGS, 0, 0, setting(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0)));
  ASSERT_EQ(wire.replies.size(), 1u);
  EXPECT_EQ(wire.replies[0].type, NGHTTP2_SETTINGS);
  EXPECT_EQ(wire.replies[0].flags, NGHTTP2_FLAG_ACK);
}

TEST(Settings, OfUnknownNamesAreIgnored) {
  Wire wire;
  wire.send(frame(NGHTTP2_SETTINGS, 0, 0, setting(0xFE03, 1) + setting(0, 7) + setting(99, 9)));
  EXPECT_TRUE(wire.serves(1));
}

TEST(Settings, TheLastOfRepeatedValuesCounts) {
  Wire wire;
  wire.send(frame(NGHTTP2_SETTINGS, 0, 0,
                  setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 100) +
                      setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1)));
  wire.send(headers(1, kPost));
  for (const auto& reply : wire.replies) {
    if (reply.type != NGHTTP2_DATA) continue;
    EXPECT_EQ(reply.payload, "o");
  }
}

// --- PUSH_PROMISE, PING, GOAWAY ------------------------------------------------------------------

TEST(PushPromise, FromAClientIsAnError) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(
      frame(NGHTTP2_PUSH_PROMISE, NGHTTP2_FLAG_END_HEADERS, 1, u32(2) + testing::block(kPost)));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Ping, IsAnsweredWithItsPayload) {
  Wire wire;
  wire.send(frame(NGHTTP2_PING, 0, 0, "abcdefgh"));
  ASSERT_EQ(wire.replies.size(), 1u);
  EXPECT_EQ(wire.replies[0].flags, NGHTTP2_FLAG_ACK);
  EXPECT_EQ(wire.replies[0].payload, "abcdefgh");
}

TEST(Ping, AcknowledgementsThatNobodyWaitsForAreIgnored) {
  Wire wire;
  wire.send(frame(NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, "abcdefgh"));
  EXPECT_TRUE(wire.replies.empty());
  EXPECT_TRUE(wire.serves(1));
}

TEST(Ping, OnAStreamIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_PING, 0, 1, "12345678"));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Ping, OfAnotherSizeIsAnError) {
  for (const std::size_t size : {0, 7, 9}) {
    Wire wire;
    wire.send(frame(NGHTTP2_PING, 0, 0, std::string(size, 'p')));
    expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
  }
}

TEST(Goaway, OnAStreamIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_GOAWAY, 0, 1, u32(0) + u32(0)));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Goaway, ThatIsTooShortIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_GOAWAY, 0, 0, u32(0)));
  expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(Goaway, LetsOpenRequestsEnd) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_GOAWAY, 0, 0, u32(0) + u32(0) + "why"));
  wire.send(data(1, "", true));
  EXPECT_TRUE(wire.answered(1));
}

// --- WINDOW_UPDATE -------------------------------------------------------------------------------

TEST(WindowUpdate, OfAnotherSizeIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "123"));
  expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(WindowUpdate, OfNothingEndsTheConnection) {
  Wire wire;
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, u32(0)));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

// An error of the stream in the RFC, which allows to end the connection for any (section 5.4.1);
// nghttp2 does.
TEST(WindowUpdate, OfNothingForAStreamEndsTheConnection) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 1, u32(0)));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(WindowUpdate, BeyondTheLargestWindowEndsTheConnection) {
  Wire wire;
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, u32(0x7FFFFFFF)));
  expect_end(wire, NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(WindowUpdate, BeyondTheLargestWindowResetsItsStream) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 1, u32(0x7FFFFFFF)));
  expect_reset(wire, 1, NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(WindowUpdate, OfAClosedStreamIsIgnored) {
  Wire wire;
  EXPECT_TRUE(wire.serves(1));
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 1, u32(5)));
  EXPECT_EQ(wire.goaway(), -1);
  EXPECT_TRUE(wire.serves(3));
}

}  // namespace
}  // namespace tfe::http2
