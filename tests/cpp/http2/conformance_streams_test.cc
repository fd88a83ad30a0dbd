// Stream states and ids (RFC 9113 section 5.1): which frames a stream takes in which state.
#include "http2/wire.h"

namespace tfe::http2 {
namespace {

using testing::data;
using testing::expect_end;
using testing::expect_reset;
using testing::frame;
using testing::headers;
using testing::kPost;
using testing::u32;
using testing::Wire;

std::string reset(std::uint32_t stream) {
  return frame(NGHTTP2_RST_STREAM, 0, stream, u32(NGHTTP2_CANCEL));
}

// --- Idle ----------------------------------------------------------------------------------------

TEST(IdleStream, TakesNoData) {
  Wire wire;
  wire.send(data(1, "x"));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(IdleStream, TakesNoReset) {
  Wire wire;
  wire.send(reset(1));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

TEST(IdleStream, TakesNoWindowUpdate) {
  Wire wire;
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 1, u32(5)));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

// --- Half-closed by the client -------------------------------------------------------------------

class HalfClosedStream : public ::testing::Test {
 protected:
  HalfClosedStream() {
    wire_.rig.handler.on_complete = [](testing::Seen&) {};
    wire_.send(headers(1, kPost));
  }
  // The application answers late.
  void expect_served() {
    testing::answer(*wire_.rig.request(0).exchange, "ok");
    wire_.send("");
    wire_.replies = testing::split_frames(wire_.rig.take_output());
    EXPECT_EQ(wire_.goaway(), -1);
  }

  Wire wire_;
};

TEST_F(HalfClosedStream, TakesNoData) {
  wire_.send(data(1, "x"));
  EXPECT_TRUE(wire_.reset(1) == NGHTTP2_STREAM_CLOSED || wire_.goaway() == NGHTTP2_STREAM_CLOSED);
  EXPECT_EQ(wire_.rig.request(0).body, "");
}

TEST_F(HalfClosedStream, TakesNoHeaders) {
  wire_.send(headers(1, kPost));
  EXPECT_TRUE(wire_.reset(1) == NGHTTP2_STREAM_CLOSED || wire_.goaway() == NGHTTP2_STREAM_CLOSED);
  EXPECT_EQ(wire_.rig.handler.requests.size(), 1u);
}

TEST_F(HalfClosedStream, TakesAWindowUpdate) {
  wire_.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 1, u32(5)));
  EXPECT_EQ(wire_.reset(1), -1);
  expect_served();
}

TEST_F(HalfClosedStream, TakesAPriority) {
  wire_.send(frame(NGHTTP2_PRIORITY, 0, 1, u32(0) + "\x10"));
  EXPECT_EQ(wire_.reset(1), -1);
  expect_served();
}

TEST_F(HalfClosedStream, TakesAReset) {
  wire_.send(reset(1));
  EXPECT_EQ(wire_.goaway(), -1);
  EXPECT_EQ(wire_.rig.request(0).aborts, 1);
}

// --- Closed --------------------------------------------------------------------------------------

// The RFC wants an error of the connection. nghttp2 reads such blocks and drops them: after a reset
// the client may have sent trailers already, and who remembers no closed stream cannot tell those
// from a stream opened twice. The handler never sees them.
TEST(ClosedStream, IsNotOpenedAgain) {
  Wire wire;
  EXPECT_TRUE(wire.serves(1));
  wire.send(headers(1, kPost));
  EXPECT_FALSE(wire.answered(1));
  EXPECT_EQ(wire.rig.handler.requests.size(), 1u);
  EXPECT_TRUE(wire.serves(3));
}

// The RFC allows to treat frames after a reset as an error or to ignore them for a while. nghttp2
// forgets the stream and ignores DATA, since it cannot tell old frames from wrong ones; the bytes
// count against the connection's window, which is given back.
TEST(ClosedStream, IgnoresDataAfterItsReset) {
  Wire wire;
  wire.send(headers(1, kPost, false) + reset(1));
  wire.send(data(1, "late"));
  EXPECT_TRUE(wire.goaway() == -1 || wire.goaway() == NGHTTP2_STREAM_CLOSED);
  EXPECT_EQ(wire.rig.request(0).body, "");
  EXPECT_TRUE(wire.goaway() != -1 || wire.serves(3));
}

TEST(ClosedStream, GivesTheConnectionsWindowBack) {
  Options options;
  options.connection_window = 65'535;
  Wire wire(options);
  wire.rig.handler.on_open = [](testing::Seen& seen) {
    seen.exchange->respond({.status = 200, .headers = {}}, {});
  };
  // Each request is answered before its body comes; more body in all than the window holds.
  for (std::uint32_t stream = 1; stream < 41; stream += 2) {
    wire.send(headers(stream, kPost, false) + data(stream, std::string(16'000, 'x')));
    ASSERT_EQ(wire.goaway(), -1) << stream;
  }
}

TEST(ClosedStream, TakesASecondReset) {
  Wire wire;
  wire.send(headers(1, kPost, false) + reset(1) + reset(1));
  EXPECT_EQ(wire.goaway(), -1);
  EXPECT_TRUE(wire.serves(3));
}

// --- Ids -----------------------------------------------------------------------------------------

TEST(StreamIds, OfTheServerAreAnErrorForAClient) {
  Wire wire;
  wire.send(headers(2, kPost));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
}

// See ClosedStream.IsNotOpenedAgain: a lower id stands for a stream that is closed.
TEST(StreamIds, OfEarlierStreamsAreNotOpened) {
  Wire wire;
  wire.send(headers(5, kPost, false));
  wire.send(headers(3, kPost, false));
  EXPECT_EQ(wire.rig.handler.requests.size(), 1u);
  EXPECT_EQ(wire.count(NGHTTP2_HEADERS, 3), 0u);
  EXPECT_TRUE(wire.serves(7));
}

TEST(StreamIds, MayBeSkipped) {
  Wire wire;
  EXPECT_TRUE(wire.serves(7));
  EXPECT_TRUE(wire.serves(1'001));
}

TEST(StreamIds, MayReachTheLargest) {
  Wire wire;
  EXPECT_TRUE(wire.serves(0x7FFFFFFF));
}

// --- Concurrency ---------------------------------------------------------------------------------

// Before the client has acknowledged the limit it may not know it: safe to retry.
TEST(Concurrency, RefusesStreamsAboveALimitThatIsNotYetKnown) {
  Options options;
  options.max_concurrent_streams = 1;
  testing::Rig rig(options);
  rig.deliver(std::string(kClientPreface) + frame(NGHTTP2_SETTINGS, 0, 0, "") +
              headers(1, kPost, false) + headers(3, kPost));
  bool refused = false;
  for (const auto& reply : testing::split_frames(rig.take_output())) {
    EXPECT_NE(reply.type, NGHTTP2_GOAWAY);
    refused = refused || (reply.type == NGHTTP2_RST_STREAM && reply.stream == 3 &&
                          reply.error_code() == NGHTTP2_REFUSED_STREAM);
  }
  EXPECT_TRUE(refused);
  EXPECT_EQ(rig.handler.refused.size(), 1u);
  EXPECT_TRUE(rig.handler.refused[0].ends_with(" 503"));
}

// Afterwards no honest client exceeds it, since streams end here before they end there; nghttp2
// ends the connection.
TEST(Concurrency, EndsTheConnectionAboveALimitThatIsKnown) {
  Options options;
  options.max_concurrent_streams = 1;
  Wire wire(options);
  wire.send(headers(1, kPost, false));
  wire.send(headers(3, kPost));
  expect_end(wire, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(wire.rig.handler.requests.size(), 1u);
}

// A client that tells the server not to open streams says nothing of its own.
TEST(Concurrency, TheClientsLimitIsForPushes) {
  Wire wire;
  wire.send(
      frame(NGHTTP2_SETTINGS, 0, 0, testing::setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0)));
  EXPECT_TRUE(wire.serves(1));
}

}  // namespace
}  // namespace tfe::http2
