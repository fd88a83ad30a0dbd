#include "codec/proto_json.h"

#include <gtest/gtest.h>

#include <array>

namespace tfe::codec {
namespace {

using Kind = ProtoKind;
using Shape = ProtoShape;

constexpr std::array kColours{ProtoEnumValue{"RED", 0}, ProtoEnumValue{"GREEN", 2}};
constexpr std::array kInnerFields{ProtoField{1, "number", Kind::kInt64}};
constexpr ProtoMessage kInner{kInnerFields};
constexpr std::array kFields{
    ProtoField{1, "text", Kind::kString},
    ProtoField{2, "flag", Kind::kBool},
    ProtoField{3, "signed", Kind::kInt64},
    ProtoField{4, "unsigned", Kind::kUint64},
    ProtoField{5, "real", Kind::kDouble},
    ProtoField{6, "single", Kind::kFloat},
    ProtoField{7, "colour", Kind::kEnum, Shape::kSingular, nullptr, kColours},
    ProtoField{8, "inner", Kind::kMessage, Shape::kSingular, &kInner},
    ProtoField{9, "dims", Kind::kInt64, Shape::kRepeated},
    ProtoField{10, "names", Kind::kString, Shape::kRepeated},
    ProtoField{11, "by_name", Kind::kMessage, Shape::kMap, &kInner},
    ProtoField{12, "by_number", Kind::kString, Shape::kMap, nullptr, {}, Kind::kUint64},
    ProtoField{13, "choice", Kind::kBool, Shape::kOneof},
};
constexpr ProtoMessage kType{kFields};

std::string convert(std::string_view json) {
  auto result = json_to_proto(json, kType);
  return result ? *result : "error: " + result.error().message;
}

TEST(ProtoJson, WritesEveryKind) {
  EXPECT_EQ(convert(R"({"text":"hi"})"), "\x0A\x02hi");
  EXPECT_EQ(convert(R"({"flag":true})"), "\x10\x01");
  EXPECT_EQ(convert(R"({"signed":-1})"), "\x18\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
  EXPECT_EQ(convert(R"({"unsigned":18446744073709551615})"),
            "\x20\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01");
  EXPECT_EQ(convert(R"({"real":1})"), std::string("\x29\0\0\0\0\0\0\xF0\x3F", 9));
  EXPECT_EQ(convert(R"({"single":1.0})"), std::string("\x35\0\0\x80\x3F", 5));
  EXPECT_EQ(convert(R"({"inner":{"number":5}})"), "\x42\x02\x08\x05");
  EXPECT_EQ(convert(R"({"dims":[-1,0,300]})"),
            std::string("\x4A\x0D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\0\xAC\x02", 15));
  EXPECT_EQ(convert(R"({"names":["a",""]})"), std::string("\x52\x01"
                                                          "a\x52\0",
                                                          5));
}

TEST(ProtoJson, TakesIntegersAsStrings) {
  EXPECT_EQ(convert(R"({"signed":"-1"})"), convert(R"({"signed":-1})"));
  EXPECT_EQ(convert(R"({"unsigned":"7"})"), "\x20\x07");
  EXPECT_EQ(convert(R"({"dims":["8",8]})"), "\x4A\x02\x08\x08");
}

TEST(ProtoJson, TakesEnumsAsNamesAndNumbers) {
  EXPECT_EQ(convert(R"({"colour":"GREEN"})"), "\x38\x02");
  EXPECT_EQ(convert(R"({"colour":2})"), "\x38\x02");
  EXPECT_EQ(convert(R"({"colour":"RED"})"), "");
  EXPECT_EQ(convert(R"({"colour":"LATER"})"), "");
}

TEST(ProtoJson, TakesNumbersThatAreNone) {
  EXPECT_EQ(convert(R"({"real":"NaN"})").size(), 9u);
  EXPECT_EQ(convert(R"({"real":"Infinity"})"), std::string("\x29\0\0\0\0\0\0\xF0\x7F", 9));
  EXPECT_EQ(convert(R"({"real":"-Infinity"})"), std::string("\x29\0\0\0\0\0\0\xF0\xFF", 9));
}

TEST(ProtoJson, WritesMaps) {
  EXPECT_EQ(convert(R"({"by_name":{"k":{"number":1}}})"), "\x5A\x07\x0A\x01k\x12\x02\x08\x01");
  EXPECT_EQ(convert(R"({"by_number":{"3":"x"}})"), "\x62\x05\x08\x03\x12\x01x");
  EXPECT_EQ(convert(R"({"by_name":{"":{}}})"), std::string("\x5A\x04\x0A\0\x12\0", 6));
}

TEST(ProtoJson, LeavesOutDefaultsButNotPresence) {
  EXPECT_EQ(convert(R"({"text":"","flag":false,"signed":0,"real":0.0,"dims":[],"names":[]})"), "");
  EXPECT_EQ(convert(R"({"choice":false})"), std::string("\x68\0", 2));
  EXPECT_EQ(convert(R"({"inner":{}})"), std::string("\x42\0", 2));
}

// One model's reason must not take the index of all from its clients.
TEST(ProtoJson, MendsTextThatIsNotUtf8) {
  EXPECT_EQ(convert("{\"text\":\"a\xFF\"}"),
            "\x0A\x04"
            "a\xEF\xBF\xBD");
  EXPECT_EQ(convert("{\"text\":\"\xC3\xA4\"}"), "\x0A\x02\xC3\xA4");
}

TEST(ProtoJson, IgnoresUnknownMembersAndNulls) {
  EXPECT_EQ(convert(R"({"new":{"deep":[1]},"text":null,"flag":true})"), "\x10\x01");
  EXPECT_EQ(convert(""), "");
}

TEST(ProtoJson, TakesAnArrayAsTheFirstField) {
  static constexpr std::array kListFields{
      ProtoField{1, "items", Kind::kMessage, Shape::kRepeated, &kInner}};
  const auto result = json_to_proto(R"([{"number":1},{}])", ProtoMessage{kListFields});
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, std::string("\x0A\x02\x08\x01\x0A\0", 6));
}

TEST(ProtoJson, NamesTheMemberThatDoesNotFit) {
  for (const char* json : {R"({"text":1})", R"({"text":["a"]})"}) {
    EXPECT_NE(convert(json).find("member 'text' is not a string"), std::string::npos);
  }
  EXPECT_NE(convert(R"({"signed":"x"})").find("'signed'"), std::string::npos);
  EXPECT_NE(convert(R"({"signed":1.5})").find("'signed'"), std::string::npos);
  EXPECT_NE(convert(R"({"inner":[]})").find("'inner'"), std::string::npos);
  EXPECT_NE(convert(R"({"by_number":{"x":"y"}})").find("'by_number'"), std::string::npos);
  EXPECT_NE(convert("{").find("unexpected JSON"), std::string::npos);
  EXPECT_NE(convert("1").find("(root)"), std::string::npos);
}

}  // namespace
}  // namespace tfe::codec
