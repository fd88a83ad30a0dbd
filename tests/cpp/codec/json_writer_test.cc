#include "codec/json_writer.h"

#include <gtest/gtest.h>

namespace tfe::codec {
namespace {

using namespace std::string_literals;

std::string escaped(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, EscapesWhatMustBe) {
  EXPECT_EQ(escaped(""), R"("")");
  EXPECT_EQ(escaped("plain / text"), R"("plain / text")");
  EXPECT_EQ(escaped("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(escaped("a\0b\x1f\x0b"s), R"("a\u0000b\u001F\u000B")");
  EXPECT_EQ(escaped("\x7f\xC3\xA9"), "\"\x7f\xC3\xA9\"");
}

TEST(JsonWriter, BytesThatAreNotUtf8Pass) { EXPECT_EQ(escaped("\xff\xfe"), "\"\xff\xfe\""); }

TEST(JsonWriter, Errors) {
  EXPECT_EQ(json_error("model \"a\" is\nbad"), R"({"error":"model \"a\" is\nbad"})");
}

}  // namespace
}  // namespace tfe::codec
