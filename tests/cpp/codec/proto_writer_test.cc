#include "codec/proto_writer.h"

#include <gtest/gtest.h>

#include <functional>

namespace tfe::codec {
namespace {

using Presence = ProtoWriter::Presence;

std::string written(const std::function<void(ProtoWriter&)>& write) {
  std::string out;
  ProtoWriter writer(out);
  write(writer);
  return out;
}

TEST(ProtoWriter, WritesFields) {
  EXPECT_EQ(written([](auto& w) { w.varint(1, 150); }), "\x08\x96\x01");
  EXPECT_EQ(written([](auto& w) { w.int64(1, -1); }),
            "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
  EXPECT_EQ(written([](auto& w) { w.boolean(2, true); }), "\x10\x01");
  EXPECT_EQ(written([](auto& w) { w.bytes(3, "hi"); }), "\x1A\x02hi");
  EXPECT_EQ(written([](auto& w) { w.float32(4, 1.0F); }), std::string("\x25\0\0\x80\x3F", 5));
  EXPECT_EQ(written([](auto& w) { w.float64(5, 1.0); }),
            std::string("\x29\0\0\0\0\0\0\xF0\x3F", 9));
  EXPECT_EQ(written([](auto& w) { w.bytes(1'000, "x"); }), "\xC2\x3E\x01x");
}

TEST(ProtoWriter, LeavesOutDefaultsUnlessTheyArePresent) {
  EXPECT_EQ(written([](auto& w) {
              w.varint(1, 0);
              w.boolean(1, false);
              w.bytes(1, "");
              w.float64(1, 0.0);
              w.float32(1, 0.0F);
            }),
            "");
  EXPECT_EQ(written([](auto& w) { w.boolean(1, false, Presence::kAlways); }),
            std::string("\x08\0", 2));
  EXPECT_EQ(written([](auto& w) { w.bytes(1, "", Presence::kAlways); }), std::string("\x0A\0", 2));
  EXPECT_EQ(written([](auto& w) { w.float64(1, -0.0); }).size(), 9u);
}

TEST(VarintSize, CountsBytes) {
  EXPECT_EQ(varint_size(0), 1u);
  EXPECT_EQ(varint_size(127), 1u);
  EXPECT_EQ(varint_size(128), 2u);
  EXPECT_EQ(varint_size(UINT64_MAX), 10u);
}

TEST(SanitizeUtf8, ReplacesBrokenSequencesOnly) {
  EXPECT_EQ(sanitize_utf8("n\xC3\xB6pe \xE2\x82\xAC \xF0\x9F\x98\x80"),
            "n\xC3\xB6pe \xE2\x82\xAC \xF0\x9F\x98\x80");
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(sanitize_utf8("a\xFF"
                          "b"),
            "a" + mark + "b");
  EXPECT_EQ(sanitize_utf8("\xC3"), mark);
  EXPECT_EQ(sanitize_utf8("\xED\xA0\x80"), mark + mark + mark);
  EXPECT_EQ(sanitize_utf8("\xC0\x80"), mark + mark);
  EXPECT_EQ(sanitize_utf8("\xF4\x90\x80\x80"), mark + mark + mark + mark);
  EXPECT_EQ(sanitize_utf8("\xF0\x9F\x98"), mark + mark + mark);
}

TEST(SanitizeUtf8, AlwaysGivesUtf8) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second), 'x', '\x80'};
      EXPECT_TRUE(valid_utf8(sanitize_utf8(text)));
    }
  }
}

}  // namespace
}  // namespace tfe::codec
