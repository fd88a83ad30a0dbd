#include "kserve/trace_format.h"

#include <gtest/gtest.h>

#include <limits>

#include "kserve/trace_tensor.h"

namespace tfe::kserve {
namespace {

using triton::DataType;

std::string json(std::string_view text) {
  std::string out;
  append_json_text(out, text);
  return out;
}

std::string tensor_text(DataType type, std::string_view data) {
  std::string out;
  append_tensor_text(out, type, data);
  return out;
}

template <typename T>
std::string text_of(DataType type, std::vector<T> values) {
  return tensor_text(type,
                     {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
}

TEST(TraceFormatTest, EntriesOfARequest) {
  const FinishedTrace trace{
      .context = {"00-a", "k=v"},
      .entries = {
          TracedTime{3, "HTTP_RECV_START", 12},
          TracedModel{.id = 3, .parent_id = 0, .name = "m", .version = 2, .request_id = "r"},
          TracedModel{.id = 4, .parent_id = 3, .name = "n", .version = 1, .request_id = ""},
          TracedContents{4, "TENSOR_QUEUE_INPUT", "IN", DataType::kInt8, {1, 2}, "\x01\xff"}}};
  std::string out;
  append_trace(out, trace);
  EXPECT_EQ(out,
            "{\"id\":3,\"timestamps\":[{\"name\":\"HTTP_RECV_START\",\"ns\":12}]},\n"
            "{\"id\":3,\"model_name\":\"m\",\"model_version\":2,\"request_id\":\"r\","
            "\"traceparent\":\"00-a\",\"tracestate\":\"k=v\"},\n"
            "{\"id\":4,\"model_name\":\"n\",\"model_version\":1,\"request_id\":\"\","
            "\"parent_id\":3},\n"
            "{\"id\":4,\"activity\":\"TENSOR_QUEUE_INPUT\",\"tensor\":{\"name\":\"IN\","
            "\"data\":\"1,-1\",\"shape\":\"1,2\",\"dtype\":\"INT8\"}}");
}

TEST(TraceFormatTest, TextIsJsonWhateverItHolds) {
  EXPECT_EQ(json("a\"b\\c\n\x7f"), R"("a\"b\\c\u000a\u007f")");
  EXPECT_EQ(json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
            "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
  EXPECT_EQ(json("\xff\xc3"), R"("\u00ff\u00c3")");
  EXPECT_EQ(json("\xc0\x80"), R"("\u00c0\u0080")");            // overlong
  EXPECT_EQ(json("\xe0\x9f\xbf"), R"("\u00e0\u009f\u00bf")");  // overlong
  EXPECT_EQ(json("\xed\xa0\x80"), R"("\u00ed\u00a0\u0080")");  // a surrogate
  EXPECT_EQ(json("\xf4\x90\x80\x80"), R"("\u00f4\u0090\u0080\u0080")");
  EXPECT_EQ(json(std::string_view("\0", 1)), R"("\u0000")");
}

TEST(TraceTensorTest, NumbersOfEveryType) {
  EXPECT_EQ(text_of<std::uint8_t>(DataType::kBool, {0, 1, 2}), "0,1,1");
  EXPECT_EQ(text_of<std::uint8_t>(DataType::kUint8, {255}), "255");
  EXPECT_EQ(text_of<std::uint16_t>(DataType::kUint16, {65535}), "65535");
  EXPECT_EQ(text_of<std::uint32_t>(DataType::kUint32, {4294967295U}), "4294967295");
  EXPECT_EQ(text_of<std::uint64_t>(DataType::kUint64, {std::numeric_limits<std::uint64_t>::max()}),
            "18446744073709551615");
  EXPECT_EQ(text_of<std::int16_t>(DataType::kInt16, {-2}), "-2");
  EXPECT_EQ(text_of<std::int32_t>(DataType::kInt32, {-3}), "-3");
  EXPECT_EQ(text_of<std::int64_t>(DataType::kInt64, {-4}), "-4");
  EXPECT_EQ(text_of<float>(DataType::kFp32, {0.1F, -2}), "0.1,-2");
  EXPECT_EQ(text_of<double>(DataType::kFp64, {0.1, 1e300}), "0.1,1e+300");
  EXPECT_EQ(text_of<std::uint16_t>(DataType::kFp16, {0x3c00, 0xc000, 0x0001, 0x7c00}),
            "1,-2,5.9604645e-08,inf");
  EXPECT_EQ(text_of<std::uint16_t>(DataType::kBf16, {0x3f80, 0xbf00}), "1,-0.5");
}

TEST(TraceTensorTest, StringsAreQuoted) {
  EXPECT_EQ(tensor_text(DataType::kBytes, std::string("\2\0\0\0ab\0\0\0\0\2\0\0\0\"\\", 16)),
            R"(\"ab\",\"\",\"\\\"\\\\\")");
}

template <typename T>
void expect_within_limit(DataType type, T worst) {
  const std::vector<T> values(100, worst);
  EXPECT_LE(text_of<T>(type, values).size(), tensor_text_limit(type, values.size() * sizeof(T)))
      << triton::datatype_name(type);
}

TEST(TraceTensorTest, TheLimitHoldsForTheLongestValues) {
  expect_within_limit<std::uint8_t>(DataType::kBool, 1);
  expect_within_limit<std::uint8_t>(DataType::kUint8, 255);
  expect_within_limit<std::uint16_t>(DataType::kUint16, 65535);
  expect_within_limit<std::uint32_t>(DataType::kUint32, 4294967295U);
  expect_within_limit<std::uint64_t>(DataType::kUint64, std::numeric_limits<std::uint64_t>::max());
  expect_within_limit<std::int8_t>(DataType::kInt8, -128);
  expect_within_limit<std::int16_t>(DataType::kInt16, -32768);
  expect_within_limit<std::int32_t>(DataType::kInt32, std::numeric_limits<std::int32_t>::min());
  expect_within_limit<std::int64_t>(DataType::kInt64, std::numeric_limits<std::int64_t>::min());
  expect_within_limit<std::uint16_t>(DataType::kFp16, 0x83ff);
  expect_within_limit<std::uint16_t>(DataType::kBf16, 0x8081);
  expect_within_limit<float>(DataType::kFp32, -1.17549435e-38F);
  expect_within_limit<double>(DataType::kFp64, -2.2250738585072014e-308);
  std::string data;
  for (int i = 0; i < 100; ++i) data += std::string("\1\0\0\0\0", 5);
  EXPECT_LE(tensor_text(DataType::kBytes, data).size(),
            tensor_text_limit(DataType::kBytes, data.size()));
}

TEST(TraceTensorTest, WhatIsNoWholeElementIsLeftOut) {
  EXPECT_EQ(tensor_text(DataType::kInt32, "abc"), "");
  EXPECT_EQ(tensor_text(DataType::kBytes, std::string("\5\0\0\0ab", 6)), "");
  EXPECT_EQ(tensor_text(DataType::kInvalid, "abc"), "");
}

TEST(TraceContextTest, Parents) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(parse_traceparent(good), TraceParent::kSampled);
  EXPECT_EQ(parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02"),
            TraceParent::kNotSampled);
  EXPECT_EQ(parse_traceparent("01" + good.substr(2) + "-more"), TraceParent::kSampled);
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "-more", "01" + good.substr(2) + "more",
        "ff" + good.substr(2), "0G" + good.substr(2), good.substr(0, 53) + "0g",
        std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"),
        std::string("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01")}) {
    EXPECT_EQ(parse_traceparent(bad), TraceParent::kInvalid) << bad;
  }
  EXPECT_EQ(trace_context_json({"p", ""}), R"({"traceparent":"p"})");
  EXPECT_EQ(trace_context_json({"p", "a=\"1\""}), R"({"traceparent":"p","tracestate":"a=\"1\""})");
}

}  // namespace
}  // namespace tfe::kserve
