// Sizes, formats and stream ids of single frames (RFC 9113 sections 3.4, 4 and 6): each test breaks
// one rule, or stretches one, and says how the connection must take it.
#include "http2/wire.h"

namespace tfe::http2 {
namespace {

using testing::data;
using testing::expect_end;
using testing::frame;
using testing::headers;
using testing::kPost;
using testing::u32;
using testing::Wire;

constexpr std::uint32_t kTooLarge = (1U << 20) + 1;

// --- Preface -------------------------------------------------------------------------------------

TEST(Preface, MustBeFollowedBySettings) {
  testing::Rig rig;
  rig.deliver(std::string(kClientPreface) + frame(NGHTTP2_PING, 0, 0, "12345678"));
  const auto frames = testing::split_frames(rig.take_output());
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().type, NGHTTP2_GOAWAY);
  EXPECT_EQ(frames.back().error_code(), std::uint32_t{NGHTTP2_PROTOCOL_ERROR});
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Preface, IsAnsweredWithSettingsFirst) {
  Wire wire;
  ASSERT_FALSE(wire.replies.empty());
  EXPECT_EQ(wire.replies[0].type, NGHTTP2_SETTINGS);
  EXPECT_EQ(wire.replies[0].flags, 0);
}

// --- Any frame -----------------------------------------------------------------------------------

TEST(Frames, OfUnknownTypesAreIgnored) {
  Wire wire;
  wire.send(frame(0x16, 0xFF, 0, "whatever") + frame(0xFF, 0, 77, ""));
  EXPECT_TRUE(wire.serves(1));
}

TEST(Frames, UndefinedFlagsAreIgnored) {
  Wire wire;
  wire.send(frame(NGHTTP2_PING, 0x16, 0, "12345678"));
  EXPECT_EQ(wire.count(NGHTTP2_PING, 0), 1u);
}

TEST(Frames, TheReservedBitOfTheStreamIsIgnored) {
  Wire wire;
  wire.send(frame(NGHTTP2_PING, 0, 0x80000000U, "12345678"));
  EXPECT_EQ(wire.count(NGHTTP2_PING, 0), 1u);
}

TEST(Frames, DataAboveTheMaximumSizeIsAnError) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(data(1, std::string(kTooLarge, 'x')));
  expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(Frames, HeadersAboveTheMaximumSizeAreAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, std::string(kTooLarge, '\0')));
  expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(Frames, OfTheMaximumSizeAreTaken) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(data(1, std::string(1U << 20, 'x'), true));
  EXPECT_TRUE(wire.answered(1));
}

// --- DATA ----------------------------------------------------------------------------------------

TEST(Data, OnStreamZeroIsAnError) {
  Wire wire;
  wire.send(data(0, "x"));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Data, MayBePadded) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED | NGHTTP2_FLAG_END_STREAM, 1,
                  std::string("\3abc\0\0\0", 7)));
  EXPECT_TRUE(wire.answered(1));
  EXPECT_EQ(wire.rig.request(0).body, "abc");
}

TEST(Data, PaddingAsLongAsTheFrameIsAnError) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, "\3ab"));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Data, PaddedWithoutItsLengthIsAnError) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, ""));
  EXPECT_GT(wire.goaway(), 0);
  EXPECT_TRUE(wire.finished());
}

// --- HEADERS and CONTINUATION --------------------------------------------------------------------

TEST(Headers, OnStreamZeroAreAnError) {
  Wire wire;
  wire.send(headers(0, kPost));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Headers, MayBePaddedAndCarryAPriority) {
  Wire wire;
  const int flags = NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM | NGHTTP2_FLAG_PADDED |
                    NGHTTP2_FLAG_PRIORITY;
  wire.send(
      frame(NGHTTP2_HEADERS, static_cast<std::uint8_t>(flags), 3,
            std::string("\2") + u32(1) + "\x10" + testing::block(kPost) + std::string(2, '\0')));
  EXPECT_TRUE(wire.answered(3));
}

TEST(Headers, PaddingLongerThanTheBlockIsAnError) {
  Wire wire;
  wire.send(
      frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_PADDED, 1, "\x20 block"));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Headers, MayBeCutIntoContinuationsAnywhere) {
  const std::string block = testing::block(kPost);
  for (std::size_t cut = 0; cut <= block.size(); ++cut) {
    Wire wire;
    wire.send(frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block.substr(0, cut)) +
              frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, block.substr(cut)));
    EXPECT_TRUE(wire.answered(1)) << cut;
  }
}

TEST(Continuation, WithoutHeadersIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, testing::block(kPost)));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Continuation, AfterTheEndOfHeadersIsAnError) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 1, ""));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(Continuation, OfAnotherStreamIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_HEADERS, 0, 1, testing::block(kPost)) +
            frame(NGHTTP2_CONTINUATION, NGHTTP2_FLAG_END_HEADERS, 3, ""));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

class InsideAHeaderBlock : public ::testing::TestWithParam<std::string> {};

TEST_P(InsideAHeaderBlock, NoOtherFrameMayStand) {
  Wire wire;
  wire.send(frame(NGHTTP2_HEADERS, 0, 1, testing::block(kPost)) + GetParam());
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

INSTANTIATE_TEST_SUITE_P(Frames, InsideAHeaderBlock,
                         ::testing::Values(frame(NGHTTP2_PING, 0, 0, "12345678"), data(1, "x"),
                                           headers(3, kPost), frame(NGHTTP2_SETTINGS, 0, 0, ""),
                                           frame(NGHTTP2_WINDOW_UPDATE, 0, 0, u32(1)),
                                           frame(NGHTTP2_RST_STREAM, 0, 1, u32(8)),
                                           frame(0x16, 0, 1, "unknown")));

// --- PRIORITY ------------------------------------------------------------------------------------

TEST(Priority, OnStreamZeroIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_PRIORITY, 0, 0, u32(1) + "\x10"));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

// The RFC makes it an error of the stream; nghttp2 ends the connection, as it may for any error.
// No client sends such frames, so nothing is gained by being kinder.
TEST(Priority, OfAnotherSizeIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_PRIORITY, 0, 1, u32(1)));
  expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(Priority, OfIdleAndClosedStreamsIsIgnored) {
  Wire wire;
  wire.send(frame(NGHTTP2_PRIORITY, 0, 9, u32(0) + "\x10"));
  EXPECT_TRUE(wire.serves(1));
  wire.send(frame(NGHTTP2_PRIORITY, 0, 1, u32(0) + "\x10"));
  EXPECT_TRUE(wire.serves(11));
}

// RFC 7540 made it an error. RFC 9113 deprecates the scheme, and we announce
// SETTINGS_NO_RFC7540_PRIORITIES; what a dependency says is not looked at.
TEST(Priority, OnItselfIsIgnored) {
  Wire wire;
  wire.send(frame(NGHTTP2_PRIORITY, 0, 1, u32(1) + "\x10"));
  EXPECT_EQ(wire.goaway(), -1);
  EXPECT_TRUE(wire.serves(1));
}

// --- RST_STREAM ----------------------------------------------------------------------------------

TEST(RstStream, OnStreamZeroIsAnError) {
  Wire wire;
  wire.send(frame(NGHTTP2_RST_STREAM, 0, 0, u32(8)));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(RstStream, OfAnotherSizeIsAnError) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_RST_STREAM, 0, 1, "123"));
  expect_end(wire, NGHTTP2_FRAME_SIZE_ERROR);
}

TEST(RstStream, WithAnUnknownCodeIsTaken) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(frame(NGHTTP2_RST_STREAM, 0, 1, u32(0xDEADBEEF)));
  EXPECT_EQ(wire.rig.request(0).aborts, 1);
  EXPECT_TRUE(wire.serves(3));
}

}  // namespace
}  // namespace tfe::http2
