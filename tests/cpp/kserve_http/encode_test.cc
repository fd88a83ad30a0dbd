// Inference responses: JSON text, binary framing, numbers and strings.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <list>

#include "kserve_http/infer_response.h"

namespace tfe::kserve_http {
namespace {

using namespace std::string_literals;
using base::Code;
using triton::DataType;

class Response {
 public:
  Response() {
    response_->model_name = "m";
    response_->model_version = 3;
  }

  template <typename T>
  Response& add(std::string_view name, DataType type, triton::Shape shape, std::vector<T> values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return add_bytes(name, type, std::move(shape), std::move(bytes));
  }

  Response& add_bytes(std::string_view name, DataType type, triton::Shape shape,
                      std::string bytes) {
    // In lists, whose elements stay where they are.
    shapes_->push_back(std::move(shape));
    data_->push_back(std::move(bytes));
    kserve::ResponseOutput output;
    output.name = name;
    output.datatype = type;
    output.shape = shapes_->back();
    output.data = base::as_bytes(data_->back());
    response_->outputs.push_back(output);
    return *this;
  }

  kserve::InferResponse& operator*() { return *response_; }
  kserve::InferResponse* operator->() { return response_.get(); }
  base::Result<Reply> encode(const OutputKinds& kinds = {},
                             const InferStyle& style = kKserveStyle) const {
    return encode_infer(response_, kinds, style);
  }
  std::string text(const OutputKinds& kinds = {}) const {
    const auto reply = encode(kinds);
    return reply ? reply->body.to_string() : reply.error().message;
  }

 private:
  std::shared_ptr<kserve::InferResponse> response_ = std::make_shared<kserve::InferResponse>();
  std::unique_ptr<std::list<triton::Shape>> shapes_ = std::make_unique<std::list<triton::Shape>>();
  std::unique_ptr<std::list<std::string>> data_ = std::make_unique<std::list<std::string>>();
};

std::string header(const Reply& reply, std::string_view name) {
  for (const auto& [key, value] : reply.head.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST(EncodeInfer, MembersInTheirOrder) {
  Response response;
  response->id = "r\"1";
  response->parameters = {{"b", true}, {"i", std::int64_t{-5}}, {"d", 2.0}, {"s", "x\n"s}};
  response.add<float>("o", DataType::kFp32, {2, 1}, {1.0F, 0.1F});
  EXPECT_EQ(response.text(),
            R"({"id":"r\"1","model_name":"m","model_version":"3","parameters":{"b":true,"i":-5,)"
            R"("d":2.0,"s":"x\n"},"outputs":[{"name":"o","datatype":"FP32","shape":[2,1],"data":)"
            R"([1.0,0.10000000149011612]}]})");
  EXPECT_EQ(header(*response.encode(), "content-type"), "application/json");
  EXPECT_EQ(Response().text(), R"({"model_name":"m","model_version":"3","outputs":[]})");
}

template <typename T>
std::string data_text(DataType type, std::vector<T> values) {
  Response response;
  response.add<T>("o", type, {static_cast<std::int64_t>(values.size())}, values);
  const std::string text = response.text();
  const auto start = text.find("\"data\":") + 7;
  return text.substr(start, text.find(']', start) - start + 1);
}

TEST(EncodeInfer, EveryDatatype) {
  EXPECT_EQ(data_text<std::uint8_t>(DataType::kBool, {0, 1, 7}), "[false,true,true]");
  EXPECT_EQ(data_text<std::uint8_t>(DataType::kUint8, {0, 255}), "[0,255]");
  EXPECT_EQ(data_text<std::uint16_t>(DataType::kUint16, {65535}), "[65535]");
  EXPECT_EQ(data_text<std::uint32_t>(DataType::kUint32, {4294967295}), "[4294967295]");
  EXPECT_EQ(data_text<std::uint64_t>(DataType::kUint64, {~0ULL}), "[18446744073709551615]");
  EXPECT_EQ(data_text<std::int8_t>(DataType::kInt8, {-128}), "[-128]");
  EXPECT_EQ(data_text<std::int16_t>(DataType::kInt16, {-32768}), "[-32768]");
  EXPECT_EQ(data_text<std::int32_t>(DataType::kInt32, {-1}), "[-1]");
  EXPECT_EQ(data_text<std::int64_t>(DataType::kInt64, {-2}), "[-2]");
  EXPECT_EQ(data_text<float>(DataType::kFp32, {NAN, HUGE_VALF, -HUGE_VALF, -0.0F}),
            "[NaN,Infinity,-Infinity,-0.0]");
  EXPECT_EQ(data_text<double>(DataType::kFp64, {1e21, 1e-7}), "[1e21,1e-7]");
  Response strings;
  strings.add_bytes("o", DataType::kBytes, {3}, "\x02\0\0\0a\"\0\0\0\0\x01\0\0\0\xff"s);
  EXPECT_NE(strings.text().find("\"data\":[\"a\\\"\",\"\",\"\xff\"]"), std::string::npos);
}

// As FP32: widened to double, then the shortest text.
TEST(EncodeInfer, HalfFloats) {
  EXPECT_EQ(data_text<std::uint16_t>(DataType::kFp16, {0x3c00, 0x2e66, 0x7bff, 0xfc00, 0x8000, 1}),
            "[1.0,0.0999755859375,65504.0,-Infinity,-0.0,5.960464477539063e-8]");
  EXPECT_EQ(data_text<std::uint16_t>(DataType::kBf16, {0x3f80, 0x3dcd, 0x7fc0, 0x7f80}),
            "[1.0,0.10009765625,NaN,Infinity]");
}

TEST(EncodeInfer, SizesThatDoNotMatch) {
  Response numbers;
  numbers.add<float>("o", DataType::kFp32, {3}, {1, 2});
  EXPECT_EQ(numbers.text(),
            "Failed to write 'data' field: output tensor shape does not match size "
            "of output for 'o'");
  for (const std::string& bytes :
       {"\x05\0\0\0abc"s, "\x01\0"s, ""s, "\x01\0\0\0a\x01\0\0\0b"s, "\xff\xff\xff\xff"s}) {
    Response strings;
    strings.add_bytes("o", DataType::kBytes, {1}, bytes);
    EXPECT_EQ(strings.text(), "output tensor shape does not match size of output for 'o'");
  }
}

TEST(EncodeInfer, EmptyAndScalar) {
  EXPECT_EQ(data_text<float>(DataType::kFp32, {}), "[]");
  Response scalar;
  scalar.add<float>("o", DataType::kFp32, {}, {2});
  EXPECT_NE(scalar.text().find(R"("shape":[],"data":[2.0])"), std::string::npos);
}

TEST(EncodeInfer, BinaryOutputsFollowTheText) {
  Response response;
  response.add_bytes("a", DataType::kUint8, {2}, "xy")
      .add<std::uint8_t>("b", DataType::kUint8, {1}, {7})
      .add_bytes("c", DataType::kBytes, {0}, "")
      .add_bytes("d", DataType::kFp16, {1}, "zz");
  OutputKinds kinds;
  kinds.listed = {{"a", true}, {"b", false}, {"c", true}, {"d", true}};
  const auto reply = response.encode(kinds);
  ASSERT_TRUE(reply);
  const std::string json =
      R"({"model_name":"m","model_version":"3","outputs":[)"
      R"({"name":"a","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}},)"
      R"({"name":"b","datatype":"UINT8","shape":[1],"data":[7]},)"
      R"({"name":"c","datatype":"BYTES","shape":[0],"parameters":{"binary_data_size":0}},)"
      R"({"name":"d","datatype":"FP16","shape":[1],"parameters":{"binary_data_size":2}}]})";
  EXPECT_EQ(reply->body.to_string(), json + "xyzz");
  EXPECT_EQ(header(*reply, "content-type"), "application/octet-stream");
  EXPECT_EQ(header(*reply, "inference-header-content-length"), std::to_string(json.size()));
  // Sent from where the model wrote it.
  EXPECT_EQ(reply->body.segments()[1].bytes.data(), response->outputs[0].data.data());
}

TEST(EncodeInfer, OnlyEmptyBinaryOutputsArePlainJson) {
  Response response;
  response.add_bytes("a", DataType::kUint8, {0}, "");
  OutputKinds kinds;
  kinds.binary_by_default = true;
  const auto reply = response.encode(kinds);
  ASSERT_TRUE(reply);
  EXPECT_NE(reply->body.to_string().find("\"binary_data_size\":0"), std::string::npos);
  EXPECT_EQ(header(*reply, "content-type"), "application/json");
  EXPECT_EQ(header(*reply, "inference-header-content-length"), "");
}

TEST(EncodeInfer, OutputsInSharedMemoryHaveNoData) {
  Response response;
  response.add_bytes("a", DataType::kUint8, {4}, "");
  response->outputs[0].in_shared_memory = true;
  EXPECT_NE(response.text().find(R"({"name":"a","datatype":"UINT8","shape":[4]})"),
            std::string::npos);
}

TEST(EncodeInfer, LengthInContentType) {
  static constexpr InferStyle kMime{.binary_mime = "application/vnd.x+json;json-header-size=",
                                    .binary_mime_in_response = true};
  Response response;
  response.add<std::int32_t>("a", DataType::kInt32, {1}, {1});
  const auto reply = response.encode({.binary_by_default = true, .listed = {}}, kMime);
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->head.headers.size(), 1u);
  EXPECT_EQ(reply->head.headers[0].value,
            "application/vnd.x+json;json-header-size=" + std::to_string(reply->body.size() - 4));
  EXPECT_EQ(response.encode({}, kMime)->head.headers[0].value, "application/json");
}

}  // namespace
}  // namespace tfe::kserve_http
