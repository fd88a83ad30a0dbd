#include "kserve_grpc/stream_response.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

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
  constexpr std::size_t kMost = 2'147'483'647;
  void* pages =
      ::mmap(nullptr, kMost, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  const auto size_of = [&](std::size_t tensor) -> std::string {
    auto response = std::make_shared<kserve::InferResponse>();
    response->outputs.push_back(
        {"O", triton::DataType::kUint8, {}, {static_cast<const std::byte*>(pages), tensor}, false});
    const auto message = encode_stream_response(response, true);
    return message ? std::to_string(message->size()) : message.error().message;
  };
  const std::size_t around = std::stoull(size_of(kMost - 200)) - (kMost - 200);
  EXPECT_EQ(size_of(kMost - around), std::to_string(kMost));
  EXPECT_EQ(size_of(kMost - around + 1),
            "Response has byte size 2147483648 which exceeds gRPC's byte size limit 2147483647.");
  ::munmap(pages, kMost);
}

}  // namespace
}  // namespace tfe::kserve_grpc
