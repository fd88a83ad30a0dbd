#include "kserve_grpc/stream_response.h"

#include <gtest/gtest.h>

#include "kserve_grpc/largest_response.h"
#include "kserve_grpc/wire.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

const StreamIdentity kRequest{"7", "m", ""};

std::string final_entry(bool final) {
  return map_field(4, "triton_final_response", bool_param(final));
}

TEST(StreamResponse, TellsWhetherItIsTheLast) {
  auto response = std::make_shared<kserve::InferResponse>();
  response->model_name = "m";
  response->model_version = 3;
  // A model's own parameter of that name is overruled: of a map's entries the last counts.
  response->parameters = {{"triton_final_response", true}};
  EXPECT_EQ(encode_stream_response(response, false)->to_string(),
            bytes_field(2, bytes_field(1, "m") + bytes_field(2, "3") + final_entry(true) +
                               final_entry(false)));
}

TEST(StreamResponse, RefersToTensors) {
  const std::string large(10'000, 'L');
  auto response = std::make_shared<kserve::InferResponse>();
  response->outputs.push_back({"A", triton::DataType::kUint8, {}, base::as_bytes(large), false});
  const auto message = encode_stream_response(response, true);
  EXPECT_EQ(message->segments().back().bytes.data(), base::as_bytes(large).data());
}

TEST(StreamResponse, ErrorsAndEndsNameTheirRequest) {
  EXPECT_EQ(encode_stream_error("\xFF!", kRequest, true).to_string(),
            bytes_field(1, "\xEF\xBF\xBD!") +
                bytes_field(2, bytes_field(1, "m") + bytes_field(3, "7") + final_entry(true)));
  EXPECT_EQ(encode_stream_refusal("no", "7").to_string(),
            bytes_field(1, "no") + bytes_field(2, bytes_field(3, "7")));
  EXPECT_EQ(encode_stream_refusal("no", "").to_string(), bytes_field(1, "no") + bytes_field(2, ""));
  EXPECT_EQ(encode_empty_final(kRequest).to_string(),
            bytes_field(2, bytes_field(1, "m") + bytes_field(3, "7") + final_entry(true)));
}

// What is around the ModelInferResponse counts, too.
TEST(StreamResponse, IsNoLargerThanProtobufCanHold) {
  testing::expect_protobuf_limit(
      [](const auto& response) { return encode_stream_response(response, true); });
}

}  // namespace
}  // namespace tfe::kserve_grpc
