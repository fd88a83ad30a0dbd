// Header compression (RFC 7541): a block that cannot be decoded ends the connection, because both
// sides would disagree on the table from then on.
#include "http2/wire.h"

namespace tfe::http2 {
namespace {

using testing::expect_end;
using testing::Fields;
using testing::frame;
using testing::headers;
using testing::kPost;
using testing::Wire;

std::string raw_headers(std::uint32_t stream, std::string_view block) {
  return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream, block);
}

// Section 6.2.1: a literal that goes into the table.
std::string indexed_literal(std::string_view name, std::string_view value) {
  std::string field = testing::literal(name, value);
  field[0] = '\x40';
  return field;
}

struct Broken {
  const char* name;
  std::string block;
};

std::string broken_name(const ::testing::TestParamInfo<Broken>& info) { return info.param.name; }

class BrokenBlock : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenBlock, EndsTheConnection) {
  Wire wire;
  wire.send(raw_headers(1, testing::block(kPost) + GetParam().block));
  expect_end(wire, NGHTTP2_COMPRESSION_ERROR);
  EXPECT_EQ(wire.rig.handler.requests.size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Hpack, BrokenBlock,
    ::testing::Values(Broken{"IndexZero", "\x80"}, Broken{"IndexBehindTheTable", "\xFE"},
                      Broken{"NameIndexBehindTheTable", "\x7E\x01x"},
                      Broken{"IntegerThatDoesNotEnd",
                             "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"},
                      Broken{"IntegerThatIsCut", "\xFF\x80"},
                      Broken{"StringThatIsCut", std::string("\0\1a\5xy", 6)},
                      Broken{"LiteralWithoutValue", std::string("\0\1a", 3)},
                      // "a" in Huffman code is 00011; the rest must be ones.
                      Broken{"HuffmanPaddedWithZeros", std::string("\0\1a\x81\x18", 5)},
                      Broken{"HuffmanPaddedByAByte", std::string("\0\1a\x82\x1F\xFF", 6)},
                      Broken{"HuffmanEndOfString", std::string("\0\1a\x84\xFF\xFF\xFF\xFF", 8)},
                      Broken{"SizeUpdateAboveTheLimit", "\x3F\xE2\x1F"},  // 4097
                      Broken{"SizeUpdateBehindAField", "\x20"}),
    broken_name);

TEST(Hpack, TakesSizeUpdatesAtTheStart) {
  Wire wire;
  // To 0 and back to 4096.
  wire.send(raw_headers(1, "\x20\x3F\xE1\x1F" + testing::block(kPost)));
  EXPECT_TRUE(wire.answered(1));
}

TEST(Hpack, TakesHuffmanCodedStrings) {
  Wire wire;
  wire.send(raw_headers(1, testing::block(kPost) + std::string("\0\1a\x81\x1F", 5)));
  EXPECT_TRUE(wire.answered(1));
  EXPECT_EQ(wire.rig.request(0).headers.back(), std::pair(std::string("a"), std::string("a")));
}

TEST(Hpack, RemembersFieldsBetweenRequests) {
  Wire wire;
  wire.send(raw_headers(1, testing::block(kPost) + indexed_literal("k", "v")));
  wire.send(raw_headers(3, testing::block(kPost) + "\xBE"));  // 62: the newest entry
  ASSERT_EQ(wire.rig.handler.requests.size(), 2u);
  EXPECT_EQ(wire.rig.request(1).headers.back(), std::pair(std::string("k"), std::string("v")));
}

TEST(Hpack, ForgetsWhatTheTableHasNoRoomFor) {
  Wire wire;
  wire.send(raw_headers(1, testing::block(kPost) + indexed_literal("k", "v") + "\xBE"));
  EXPECT_TRUE(wire.answered(1));
  wire.send(raw_headers(3, "\x20" + testing::block(kPost) + "\xBE"));
  expect_end(wire, NGHTTP2_COMPRESSION_ERROR);
}

// Blocks of requests that are thrown away still change the table.
TEST(Hpack, ReadsTheBlocksOfMalformedRequests) {
  Wire wire;
  wire.send(raw_headers(
      1, testing::block(kPost) + testing::literal("UPPER", "x") + indexed_literal("k", "v")));
  EXPECT_EQ(wire.reset(1), NGHTTP2_PROTOCOL_ERROR);
  wire.send(raw_headers(3, testing::block(kPost) + "\xBE"));
  EXPECT_TRUE(wire.answered(3));
}

TEST(Hpack, ReadsTheBlocksOfRefusedRequests) {
  Options options;
  options.max_pending_response = 1;
  Wire wire(options);
  wire.rig.handler.on_complete = [](testing::Seen& seen) {
    testing::answer(*seen.exchange, std::string(100'000, 'r'));
  };
  wire.send(headers(1, kPost));
  wire.send(raw_headers(3, testing::block(kPost) + indexed_literal("k", "v")));
  EXPECT_EQ(wire.reset(3), NGHTTP2_REFUSED_STREAM);
  wire.send(frame(NGHTTP2_WINDOW_UPDATE, 0, 0, testing::u32(100'000)) +
            frame(NGHTTP2_WINDOW_UPDATE, 0, 1, testing::u32(100'000)));
  wire.send(raw_headers(5, testing::block(kPost) + "\xBE"));
  EXPECT_EQ(wire.rig.handler.requests.size(), 2u);
}

TEST(Hpack, ReadsTheBlocksOfTrailers) {
  Wire wire;
  wire.send(headers(1, kPost, false) + raw_headers(1, indexed_literal("k", "v")));
  EXPECT_TRUE(wire.answered(1));
  wire.send(raw_headers(3, testing::block(kPost) + "\xBE"));
  EXPECT_TRUE(wire.answered(3));
}

}  // namespace
}  // namespace tfe::http2
