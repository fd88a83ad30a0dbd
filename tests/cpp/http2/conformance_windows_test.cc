// Flow-control arithmetic (RFC 9113 sections 5.2 and 6.9).
#include "http2/wire.h"

namespace tfe::http2 {
namespace {

using testing::answer;
using testing::data;
using testing::expect_end;
using testing::frame;
using testing::headers;
using testing::kPost;
using testing::setting;
using testing::u32;
using testing::Wire;

std::string window(std::uint32_t size) {
  return frame(NGHTTP2_SETTINGS, 0, 0, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, size));
}

std::string credit(std::uint32_t stream, std::uint32_t size) {
  return frame(NGHTTP2_WINDOW_UPDATE, 0, stream, u32(size));
}

std::size_t received(const Wire& wire, std::uint32_t stream) {
  std::size_t size = 0;
  for (const auto& reply : wire.replies) {
    if (reply.type == NGHTTP2_DATA && reply.stream == stream) size += reply.payload.size();
  }
  return size;
}

class Answering : public ::testing::Test {
 protected:
  void answer_with(std::size_t size) {
    wire_.rig.handler.on_complete = [size](testing::Seen& seen) {
      answer(*seen.exchange, std::string(size, 'r'));
    };
  }
  Wire wire_;
};

TEST_F(Answering, StopsAtTheStreamsWindow) {
  answer_with(100);
  wire_.send(window(10));
  wire_.send(headers(1, kPost));
  EXPECT_EQ(received(wire_, 1), 10u);
  wire_.send(credit(1, 5));
  EXPECT_EQ(received(wire_, 1), 5u);
  wire_.send(credit(1, 1'000));
  EXPECT_EQ(received(wire_, 1), 85u);
}

TEST_F(Answering, StopsAtTheConnectionsWindow) {
  answer_with(100'000);
  wire_.send(window(1'000'000));
  wire_.send(headers(1, kPost));
  EXPECT_EQ(received(wire_, 1), 65'535u);
  wire_.send(credit(1, 10));
  EXPECT_EQ(received(wire_, 1), 0u);
  wire_.send(credit(0, 10));
  EXPECT_EQ(received(wire_, 1), 10u);
  wire_.send(credit(0, 100'000));
  EXPECT_EQ(received(wire_, 1), 34'455u);
}

TEST_F(Answering, SharesTheConnectionsWindow) {
  answer_with(50'000);
  wire_.send(headers(1, kPost) + headers(3, kPost));
  EXPECT_EQ(received(wire_, 1) + received(wire_, 3), 65'535u);
  const std::size_t first = received(wire_, 1);
  wire_.send(credit(0, 100'000));
  EXPECT_EQ(first + received(wire_, 1), 50'000u);
}

TEST_F(Answering, ResumesWhenSettingsOpenTheWindow) {
  answer_with(100);
  wire_.send(window(0));
  wire_.send(headers(1, kPost));
  EXPECT_EQ(wire_.count(NGHTTP2_HEADERS, 1), 1u);
  EXPECT_EQ(received(wire_, 1), 0u);
  wire_.send(window(60));
  EXPECT_EQ(received(wire_, 1), 60u);
  wire_.send(window(100));
  EXPECT_EQ(received(wire_, 1), 40u);
}

TEST_F(Answering, SurvivesAWindowThatTurnsNegative) {
  answer_with(100);
  wire_.send(window(50));
  wire_.send(headers(1, kPost));
  EXPECT_EQ(received(wire_, 1), 50u);
  wire_.send(window(10));  // now at -40
  wire_.send(credit(1, 40));
  EXPECT_EQ(received(wire_, 1), 0u);
  wire_.send(credit(1, 7));
  EXPECT_EQ(received(wire_, 1), 7u);
  wire_.send(credit(1, 1'000));
  EXPECT_EQ(received(wire_, 1), 43u);
}

TEST_F(Answering, EndsAnEmptyBodyWithAClosedWindow) {
  wire_.rig.handler.on_complete = [](testing::Seen& seen) {
    seen.exchange->start({});
    seen.exchange->finish({{"grpc-status", "0"}});
  };
  wire_.send(window(0));
  wire_.send(headers(1, kPost));
  EXPECT_EQ(wire_.count(NGHTTP2_HEADERS, 1), 2u);
  EXPECT_EQ(wire_.replies.back().flags & NGHTTP2_FLAG_END_STREAM, NGHTTP2_FLAG_END_STREAM);
}

// The RFC ends the connection; nghttp2 resets the streams whose windows overflow, which is enough:
// both sides still agree on all others.
TEST(Windows, RaisedBeyondTheLargestBySettingsLoseTheirStream) {
  Wire wire;
  wire.send(headers(1, kPost, false));
  wire.send(credit(1, 0x7FFFFFFF - 65'535));
  EXPECT_EQ(wire.reset(1), -1);
  wire.send(window(65'536));
  testing::expect_reset(wire, 1, NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(Windows, OfTheLargestSizeAreTaken) {
  Wire wire;
  wire.send(window(0x7FFFFFFF) + credit(0, 0x7FFFFFFF - 65'535));
  EXPECT_TRUE(wire.serves(1));
}

// --- Ours ----------------------------------------------------------------------------------------

TEST(Windows, OfTheConnectionBindTheClient) {
  Options options;
  options.connection_window = 65'535;
  options.stream_window = 1U << 20;
  options.max_held = 0;
  Wire wire(options);
  wire.rig.handler.on_open = [](testing::Seen& seen) { seen.exchange->pause_body(); };
  wire.send(headers(1, kPost, false));
  wire.send(data(1, std::string(65'535, 'x')));
  EXPECT_EQ(wire.goaway(), -1);
  wire.send(data(1, "x"));
  expect_end(wire, NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(Windows, OfAStreamBindTheClient) {
  Options options;
  options.stream_window = 65'535;
  Wire wire(options);
  wire.rig.handler.on_open = [](testing::Seen& seen) { seen.exchange->pause_body(); };
  wire.send(headers(1, kPost, false));
  wire.send(data(1, std::string(65'535, 'x')));
  EXPECT_EQ(wire.goaway(), -1);
  wire.send(data(1, "x"));
  EXPECT_TRUE(wire.reset(1) == NGHTTP2_FLOW_CONTROL_ERROR ||
              wire.goaway() == NGHTTP2_FLOW_CONTROL_ERROR);
}

TEST(Windows, CountPaddingAndGiveItBack) {
  Options options;
  options.connection_window = 65'535;
  options.stream_window = 65'535;
  Wire wire(options);
  wire.send(headers(1, kPost, false));
  for (int i = 0; i < 1'000; ++i) {
    std::string padded(257, '\0');
    padded[0] = '\xFF';
    padded[1] = 'x';
    wire.send(frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, padded));
    ASSERT_EQ(wire.goaway(), -1) << i;
    ASSERT_EQ(wire.reset(1), -1) << i;
  }
  EXPECT_EQ(wire.rig.request(0).body, std::string(1'000, 'x'));
}

}  // namespace
}  // namespace tfe::http2
