#include "kserve_grpc/infer_response.h"

#include <gtest/gtest.h>

#include <array>

#include "kserve_grpc/largest_response.h"
#include "kserve_grpc/wire.h"

namespace tfe::kserve_grpc {
namespace {

using tfe::testing::float_text;

std::string text(const base::Result<base::Chain>& message) {
  return message ? message->to_string() : "error: " + message.error().message;
}

TEST(InferResponse, IsByteForByteWhatTheReferenceSends) {
  constexpr std::array<std::int64_t, 1> kShape{2};
  const std::string data = float_text({1, 2});
  auto response = std::make_shared<kserve::InferResponse>();
  response->model_name = "ident_fp32";
  response->model_version = 1;
  response->id = "a";
  response->outputs.push_back(
      {"OUTPUT0", triton::DataType::kFp32, kShape, base::as_bytes(data), false});
  const auto message = encode_infer_response(response);
  EXPECT_EQ(text(message), std::string("\x0A\x0Aident_fp32\x12\x01"
                                       "1\x1A\x01"
                                       "a\x2A\x12\x0A\x07OUTPUT0\x12\x04"
                                       "FP32\x1A\x01\x02\x32\x08\0\0\x80\x3F\0\0\0\x40",
                                       48));
  EXPECT_EQ(message->segments().size(), 1u);
}

TEST(InferResponse, RefersToLargeTensorsAndKeepsTheirResponse) {
  const std::string large(10'000, 'L');
  auto response = std::make_shared<kserve::InferResponse>();
  response->outputs.push_back({"A", triton::DataType::kUint8, {}, base::as_bytes(large), false});
  response->outputs.push_back({"B", triton::DataType::kUint8, {}, base::as_bytes("xy"), false});
  const std::weak_ptr<kserve::InferResponse> alive = response;
  auto message = encode_infer_response(response);
  response.reset();
  ASSERT_TRUE(message);
  ASSERT_EQ(message->segments().size(), 3u);
  EXPECT_EQ(message->segments()[1].bytes.data(), base::as_bytes(large).data());
  EXPECT_EQ(message->segments()[2].bytes.size(), 4u);
  message->consume(message->size() - 4);
  EXPECT_TRUE(alive.expired());
}

TEST(InferResponse, HasAnEntryForEveryOutput) {
  auto response = std::make_shared<kserve::InferResponse>();
  response->model_version = 2;
  response->outputs.push_back({"E", triton::DataType::kFp32, {}, {}, false});
  response->outputs.push_back({"S", triton::DataType::kFp32, {}, base::as_bytes("data"), true});
  const std::string encoded = text(encode_infer_response(response));
  EXPECT_TRUE(encoded.ends_with(std::string("\x32\0\x32\0", 4)));
}

TEST(InferResponse, IsNoLargerThanProtobufCanHold) {
  testing::expect_protobuf_limit(
      [](const auto& response) { return encode_infer_response(response); });
}

TEST(InferResponse, CarriesParameters) {
  auto response = std::make_shared<kserve::InferResponse>();
  response->parameters = {
      {"b", false}, {"i", std::int64_t{0}}, {"s", std::string("\xFF")}, {"d", 0.5}};
  using namespace tfe::testing;  // NOLINT: the builders of wire.h
  EXPECT_EQ(text(encode_infer_response(response)),
            bytes_field(2, "0") + map_field(4, "b", bool_param(false)) +
                map_field(4, "i", int64_param(0)) +
                map_field(4, "s", string_param("\xEF\xBF\xBD")) +
                map_field(4, "d", double_param(0.5)));
}

}  // namespace
}  // namespace tfe::kserve_grpc
