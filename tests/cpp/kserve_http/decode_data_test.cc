// Tensors in JSON: every datatype, and every rule about their elements.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kserve_http/decoding.h"

namespace tfe::kserve_http {
namespace {

using namespace std::string_literals;

TEST(DecodeInfer, EveryDatatype) {
  EXPECT_EQ(decode_data_of<std::uint8_t>("BOOL", "[2]", "[true,false]"),
            (std::vector<std::uint8_t>{1, 0}));
  EXPECT_EQ(decode_data_of<std::uint8_t>("UINT8", "[2]", "[0,255]"),
            (std::vector<std::uint8_t>{0, 255}));
  EXPECT_EQ(decode_data_of<std::uint16_t>("UINT16", "[1]", "[65535]"),
            std::vector<std::uint16_t>{65535});
  EXPECT_EQ(decode_data_of<std::uint32_t>("UINT32", "[1]", "[4294967295]"),
            std::vector<std::uint32_t>{4294967295});
  EXPECT_EQ(decode_data_of<std::uint64_t>("UINT64", "[1]", "[18446744073709551615]"),
            std::vector<std::uint64_t>{18446744073709551615U});
  EXPECT_EQ(decode_data_of<std::int8_t>("INT8", "[2]", "[-128,127]"),
            (std::vector<std::int8_t>{-128, 127}));
  EXPECT_EQ(decode_data_of<std::int16_t>("INT16", "[1]", "[-32768]"),
            std::vector<std::int16_t>{-32768});
  EXPECT_EQ(decode_data_of<std::int32_t>("INT32", "[1]", "[-2147483648]"),
            std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min()});
  EXPECT_EQ(decode_data_of<std::int64_t>("INT64", "[1]", "[-9223372036854775808]"),
            std::vector<std::int64_t>{std::numeric_limits<std::int64_t>::min()});
  const auto floats = decode_data_of<float>("FP32", "[5]", "[1,-0.1,1e39,NaN,-Infinity]");
  ASSERT_EQ(floats.size(), 5u);
  EXPECT_EQ(floats[1], -0.1F);
  EXPECT_EQ(floats[2], HUGE_VALF);
  EXPECT_TRUE(std::isnan(floats[3]));
  EXPECT_EQ(floats[4], -HUGE_VALF);
  EXPECT_EQ(decode_data_of<double>("FP64", "[1]", "[123456789.123456789]"),
            std::vector<double>{123456789.123456789});
  EXPECT_EQ(decode_data_of<char>("BYTES", "[2]", R"(["a\u0000b",""])"),
            (std::vector<char>{3, 0, 0, 0, 'a', 0, 'b', 0, 0, 0, 0}));
}

TEST(DecodeInfer, HalfFloats) {
  using Bits = std::vector<std::uint16_t>;
  EXPECT_EQ(decode_data_of<std::uint16_t>("FP16", "[6]", "[1,0.1,65504,1e9,-Infinity,-0.0]"),
            (Bits{0x3c00, 0x2e66, 0x7bff, 0x7c00, 0xfc00, 0x8000}));
  EXPECT_EQ(decode_data_of<std::uint16_t>("BF16", "[3]", "[1,[0.1,NaN]]"),
            (Bits{0x3f80, 0x3dcd, 0x7fc0}));
  EXPECT_ERROR(data_error("FP16", "[1]", "[true]"), Code::kInternal,
               "Unable to parse 'data': attempt to access JSON non-number as double");
  EXPECT_ERROR(data_error("BF16", "[2]", "[1]"), Code::kInternal,
               "Failed to parse 'data' field: shape does not match true shape");
}

TEST(DecodeInfer, ElementsOfTheWrongType) {
  const std::string data = "Unable to parse 'data': ";
  EXPECT_ERROR(data_error("BOOL", "[1]", "[1]"), Code::kInternal,
               data + "attempt to access JSON non-boolean as boolean");
  for (const char* element : {"-1", "1.0", "1e3", "true", "\"1\"", "null"}) {
    EXPECT_ERROR(data_error("UINT32", "[1]", "["s + element + "]"), Code::kInternal,
                 data + "attempt to access JSON non-unsigned-integer as unsigned-integer");
  }
  EXPECT_ERROR(data_error("INT32", "[1]", "[1.0]"), Code::kInternal,
               data + "attempt to access JSON non-signed-integer as signed-integer");
  EXPECT_ERROR(data_error("FP32", "[1]", "[\"1\"]"), Code::kInternal,
               data + "attempt to access JSON non-number as double");
  EXPECT_ERROR(data_error("BYTES", "[1]", "[1]"), Code::kInternal,
               "Unable to parse JSON bytes array: attempt to access JSON non-string as string");
  for (const char* text : {"1", "{}", "null", "\"a\""}) {
    for (const char* type : {"FP32", "BYTES"}) {
      EXPECT_ERROR(data_error(type, "[1]", text), Code::kInternal,
                   data + "attempt to access JSON non-array as array");
    }
    // The same when the data comes first.
    EXPECT_ERROR(input_error("\"data\":"s + text + R"(,"name":"i","datatype":"FP32","shape":[1])"),
                 Code::kInternal, data + "attempt to access JSON non-array as array");
  }
  EXPECT_TRUE(data_error("FP32", "[1]", "[1e400]")
                  .message.starts_with("failed to parse the request JSON buffer: Number too big"));
}

// Triton wraps these silently.
TEST(DecodeInfer, IntegersThatDoNotFitAreRefused) {
  EXPECT_ERROR(data_error("UINT8", "[1]", "[256]"), Code::kInvalidArgument,
               "Unable to parse 'data': value 256 is out of range for UINT8");
  EXPECT_ERROR(data_error("INT8", "[1]", "[-129]"), Code::kInvalidArgument,
               "Unable to parse 'data': value -129 is out of range for INT8");
}

TEST(DecodeInfer, ElementCounts) {
  EXPECT_ERROR(data_error("FP32", "[2]", "[1,2,3]"), Code::kInternal,
               "Unable to parse 'data': Shape does not match true shape of 'data' field");
  EXPECT_ERROR(data_error("FP32", "[4]", "[1,2,3]"), Code::kInternal,
               "Failed to parse 'data' field: shape does not match true shape");
  // More elements than the text could hold: refused without taking the memory.
  EXPECT_ERROR(data_error("FP32", "[1000000]", "[1,2,3]"), Code::kInternal,
               "Failed to parse 'data' field: shape does not match true shape");
  EXPECT_EQ(decode_data_of<float>("FP32", "[2,2]", "[[1],[[2,3]],4]"),
            (std::vector<float>{1, 2, 3, 4}));
  // Zero elements: the data is not looked at.
  EXPECT_TRUE(decode_data_of<float>("FP32", "[0]", "[1,2]").empty());
  EXPECT_TRUE(decode_data_of<float>("FP32", "[3,0]", "\"x\"").empty());
  // No dimensions: a scalar (Triton takes it for empty).
  EXPECT_EQ(decode_data_of<float>("FP32", "[]", "[7]"), std::vector<float>{7});
  // The core compares the count of strings with the shape.
  EXPECT_EQ(decode_data_of<char>("BYTES", "[5]", "[\"\"]").size(), 4u);
}

TEST(DecodeInfer, SizesThatOverflow) {
  EXPECT_ERROR(data_error("FP32", "[9223372036854775807,2]", "[1]"), Code::kInvalidArgument,
               "invalid shape for input 'i': shape [9223372036854775807,2] causes total element "
               "count to exceed maximum size of 9223372036854775807");
  EXPECT_ERROR(data_error("FP32", "[9223372036854775807]", "[1]"), Code::kInvalidArgument,
               "byte size overflow for input 'i': element count (9223372036854775807) * data type "
               "size (4) exceeds maximum allowed size (9223372036854775807)");
  EXPECT_ERROR(data_error("FP32", "[18446744073709551600]", "[1]"), Code::kInvalidArgument,
               "invalid shape for input 'i': shape [-16] contains one or more invalid dimensions");
  EXPECT_ERROR(data_error("FP32", "[100000000]", "[1]"), Code::kInvalidArgument,
               "JSON input 'i' has a byte_size (400000000 bytes) that exceeds the maximum allowed "
               "value of 67108864 bytes. Use --http-max-input-size to increase the limit.");
}

TEST(DecodeInfer, DepthOfData) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + "1" +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(decode_data_of<float>("FP32", "[1]", nested(99)), std::vector<float>{1});
  EXPECT_ERROR(data_error("FP32", "[1]", nested(100)), Code::kInvalidArgument,
               "Unable to parse 'data': JSON nesting depth exceeds maximum allowed limit (100)");
  EXPECT_EQ(data_error("FP32", "[1]", nested(100'000)).code, Code::kInvalidArgument);
  EXPECT_ERROR(data_error("BYTES", "[1]", nested(100)), Code::kInvalidArgument,
               "JSON nesting depth exceeds maximum allowed limit (100)");
}

}  // namespace
}  // namespace tfe::kserve_http
