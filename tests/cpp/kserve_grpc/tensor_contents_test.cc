// Typed contents, laid out as tensors.
#include "kserve_grpc/decode.h"

namespace tfe::kserve_grpc {
namespace {

std::string converted(std::string_view datatype, const std::string& lists) {
  const Decoded decoded = decode(kModel + input_field("IN", datatype, {1}, contents(lists)));
  if (!decoded.request) return decoded.error.message;
  return decoded.data(0);
}

TEST(TypedContents, BecomeTheTensorsBytes) {
  EXPECT_EQ(converted("BOOL", packed_field(1, {1, 0, 300})), std::string("\1\0\1", 3));
  EXPECT_EQ(converted("INT8", packed_field(2, {44, UINT64_MAX})), "\x2C\xFF");
  EXPECT_EQ(converted("INT16", packed_field(2, {300})), "\x2C\x01");
  EXPECT_EQ(converted("INT32", packed_field(2, {1, UINT64_MAX})),
            std::string("\1\0\0\0\xFF\xFF\xFF\xFF", 8));
  EXPECT_EQ(converted("INT64", packed_field(3, {UINT64_MAX})), std::string(8, '\xFF'));
  EXPECT_EQ(converted("UINT8", packed_field(4, {255})), "\xFF");
  EXPECT_EQ(converted("UINT16", packed_field(4, {65'535})), "\xFF\xFF");
  EXPECT_EQ(converted("UINT32", packed_field(4, {7})), std::string("\7\0\0\0", 4));
  EXPECT_EQ(converted("UINT64", packed_field(5, {7})), std::string("\7\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(converted("FP32", bytes_field(6, kFloats)), kFloats);
  EXPECT_EQ(converted("FP64", bytes_field(7, "12345678")), "12345678");
  EXPECT_EQ(converted("BYTES", bytes_field(8, "ab") + bytes_field(8, "")),
            std::string("\2\0\0\0ab\0\0\0\0", 10));
}

TEST(TypedContents, ComeUnpackedAndInPieces) {
  EXPECT_EQ(converted("INT8", varint_field(2, 1) + packed_field(2, {2}) + varint_field(2, 3)),
            "\1\2\3");
  EXPECT_EQ(converted("FP32", std::string("\x35\0\0\x80\x3F", 5) + bytes_field(6, float_text({2}))),
            kFloats);
  EXPECT_EQ(converted("FP64", double_field(7, 1.0)), std::string("\0\0\0\0\0\0\xF0\x3F", 8));
  // Two occurrences of the sub-message are one.
  const Decoded decoded = decode(input_field(
      "IN", "INT8", {2}, contents(packed_field(2, {1})) + contents(packed_field(2, {2}))));
  EXPECT_EQ(decoded.data(0), "\1\2");
}

TEST(TypedContents, NumbersAreNotCut) {
  const auto range = [](const std::string& value, const std::string& datatype) {
    return "unexpected explicit tensor data for input tensor 'IN' for model 'm': " + value +
           " is out of range for datatype '" + datatype + "'";
  };
  constexpr auto kMinus = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  EXPECT_EQ(converted("INT8", packed_field(2, {127, kMinus(-128)})), "\x7F\x80");
  EXPECT_EQ(converted("INT8", packed_field(2, {1, 128, 1})), range("128", "INT8"));
  EXPECT_EQ(converted("INT8", varint_field(2, kMinus(-129))), range("-129", "INT8"));
  EXPECT_EQ(converted("INT16", packed_field(2, {kMinus(-32'768)})), std::string("\0\x80", 2));
  EXPECT_EQ(converted("INT16", packed_field(2, {32'768})), range("32768", "INT16"));
  EXPECT_EQ(converted("INT32", packed_field(2, {kMinus(INT32_MIN)})), std::string("\0\0\0\x80", 4));
  EXPECT_EQ(converted("UINT8", packed_field(4, {256})), range("256", "UINT8"));
  EXPECT_EQ(converted("UINT16", packed_field(4, {65'536})), range("65536", "UINT16"));
  EXPECT_EQ(converted("UINT32", packed_field(4, {UINT32_MAX})), "\xFF\xFF\xFF\xFF");
}

TEST(TypedContents, MayBeEmpty) {
  EXPECT_EQ(converted("FP32", ""), "");
  EXPECT_EQ(converted("FP16", ""), "");
}

TEST(TypedContents, MustMatchTheDatatype) {
  EXPECT_EQ(converted("FP32", packed_field(2, {1})),
            "unexpected explicit tensor data for input tensor 'IN' for model 'm' of type 'INT32', "
            "expected datatype 'FP32'");
  EXPECT_EQ(converted("FP16", bytes_field(6, kFloats)),
            "unexpected explicit tensor data for input tensor 'IN' for model 'm' of type 'FP32', "
            "expected datatype 'FP16'");
  EXPECT_EQ(converted("nope", packed_field(1, {1})),
            "unexpected explicit tensor data for input tensor 'IN' for model 'm' of type 'BOOL', "
            "expected datatype '<invalid>'");
  // Judged in the order of the lists, each for being the second one first.
  EXPECT_EQ(converted("INT64", packed_field(3, {1}) + packed_field(5, {1})),
            "unexpected explicit tensor data for input tensor 'IN' for model 'm', binary data was "
            "already supplied.");
  EXPECT_EQ(converted("UINT64", packed_field(3, {1}) + packed_field(5, {1})),
            "unexpected explicit tensor data for input tensor 'IN' for model 'm' of type 'INT64', "
            "expected datatype 'UINT64'");
}

}  // namespace
}  // namespace tfe::kserve_grpc
