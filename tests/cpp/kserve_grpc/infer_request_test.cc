// From the wire to the protocol-neutral request.
#include <cstring>

#include "base/buffer_pool.h"
#include "kserve_grpc/decode.h"

namespace tfe::kserve_grpc {
namespace {

TEST(InferRequest, ReadsEveryField) {
  const Decoded decoded =
      decode(bytes_field(1, "model") + bytes_field(2, "3") + bytes_field(3, "id") +
             map_field(4, "custom", string_param("value")) + input_field("IN", "FP32", {1, 2}) +
             bytes_field(6, bytes_field(1, "OUT")) + raw_field(kFloats));
  ASSERT_TRUE(decoded.request) << decoded.error.message;
  const kserve::InferRequest& request = *decoded.request;
  EXPECT_EQ(request.model, "model");
  EXPECT_EQ(request.id, "id");
  ASSERT_EQ(request.parameters.size(), 1u);
  EXPECT_EQ(request.parameters[0].name, "custom");
  EXPECT_EQ(std::get<std::string>(request.parameters[0].value), "value");
  ASSERT_EQ(request.inputs.size(), 1u);
  EXPECT_EQ(request.inputs[0].name, "IN");
  EXPECT_EQ(request.inputs[0].datatype, triton::DataType::kFp32);
  EXPECT_EQ(request.inputs[0].shape, (triton::Shape{1, 2}));
  EXPECT_EQ(decoded.data(0), kFloats);
  ASSERT_EQ(request.outputs.size(), 1u);
  EXPECT_EQ(request.outputs[0].name, "OUT");
}

TEST(InferRequest, ReadsShapesPackedUnpackedAndMixed) {
  const std::string unpacked = varint_field(3, 5) + varint_field(3, 6);
  const Decoded decoded = decode(input_field("IN", "FP32", {1, 2}, unpacked) + raw_field(""));
  EXPECT_EQ(decoded.request->inputs[0].shape, (triton::Shape{1, 2, 5, 6}));
}

TEST(InferRequest, SkipsUnknownFieldsAndWrongWireTypes) {
  const std::string unknown =
      varint_field(1, 7) + bytes_field(99, "x") + "\x9B\x06\x9C\x06" + double_field(3, 1.0);
  const Decoded decoded = decode(kModel + unknown);
  ASSERT_TRUE(decoded.request) << decoded.error.message;
  EXPECT_EQ(decoded.request->model, "m");
}

TEST(InferRequest, LetsTheLastSingularValueWin) {
  EXPECT_EQ(decode(bytes_field(1, "first") + bytes_field(1, "last")).request->model, "last");
}

TEST(InferRequest, LetsTheLastParameterOfAKeyWin) {
  const Decoded decoded =
      decode(map_field(4, "a", int64_param(1)) + map_field(4, "b", int64_param(2)) +
             map_field(4, "a", bool_param(false) + int64_param(3)));
  ASSERT_TRUE(decoded.request);
  ASSERT_EQ(decoded.request->parameters.size(), 2u);
  EXPECT_EQ(decoded.request->parameters[0].name, "b");
  EXPECT_EQ(std::get<std::int64_t>(decoded.request->parameters[1].value), 3);
}

TEST(InferRequest, RefusesMalformedMessages) {
  for (const std::string& message :
       {std::string("\xFF\xFF\xFF"), bytes_field(1, "\xFF"), bytes_field(3, "\xC3\x28"),
        bytes_field(5, "\x08"), bytes_field(5, bytes_field(1, "\xFF")),
        bytes_field(5, "\x1A\x01\x80"), bytes_field(4, bytes_field(1, "\xFF")),
        bytes_field(4, bytes_field(2, "\x08")), bytes_field(6, "\x0A"),
        input_field("I", "FP32", {1},
                    contents("\x32\x03"
                             "abc")),
        input_field("I", "INT32", {1}, contents("\x12\x01\x80"))}) {
    const Decoded decoded = decode(kModel + message);
    EXPECT_FALSE(decoded.request);
    EXPECT_EQ(decoded.error.code, base::Code::kInternal);
    EXPECT_EQ(decoded.error.message, "Unable to parse request");
  }
}

TEST(InferRequest, BoundsWhatAMessageHolds) {
  const MessageLimits limits{.max_tensors = 2, .max_parameters = 2, .max_rank = 2};
  const std::string input = bytes_field(5, bytes_field(1, "I"));
  const std::string parameter = bytes_field(4, "");
  for (const std::string& message :
       {input + input + input, bytes_field(6, "") + bytes_field(6, "") + bytes_field(6, ""),
        raw_field("") + raw_field("") + raw_field(""), parameter + parameter + parameter,
        input_field("I", "FP32", {1, 1, 1})}) {
    const Decoded decoded = decode(message, limits);
    EXPECT_EQ(decoded.error.code, base::Code::kResourceExhausted);
    EXPECT_NE(decoded.error.message.find("more than 2 "), std::string::npos);
  }
}

TEST(InferRequest, RefersToRawContentsWithoutCopying) {
  const std::string message = input_field("IN", "UINT8", {3}) + raw_field("abc");
  const Decoded decoded = decode(message);
  const auto* begin = reinterpret_cast<const std::byte*>(decoded.message->data());
  EXPECT_GE(decoded.request->inputs[0].data.data(), begin);
  EXPECT_LT(decoded.request->inputs[0].data.data(), begin + message.size());
  EXPECT_EQ(decoded.request->memory.size(), 1u);
}

TEST(InferRequest, AlignsEveryTensorToItsElements) {
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const Decoded decoded = decode(bytes_field(3, std::string(shift, 'x')) +
                                   input_field("A", "FP64", {1}) + raw_field("12345678"));
    const auto address = reinterpret_cast<std::uintptr_t>(decoded.request->inputs[0].data.data());
    EXPECT_EQ(address % 8, 0u);
    EXPECT_EQ(decoded.data(0), "12345678");
  }
}

TEST(InferRequest, FindsTheFirstRawTensor) {
  const std::string head = kModel + input_field("IN", "FP32", {2});
  const std::string message = head + raw_field(kFloats);
  EXPECT_EQ(first_raw_offset(base::as_bytes(message)), head.size() + 2);
  EXPECT_EQ(first_raw_offset(base::as_bytes(head)), 0u);
  // Also when only its tag and length have come.
  EXPECT_EQ(first_raw_offset(base::as_bytes(message.substr(0, head.size() + 2))), head.size() + 2);
  for (std::size_t cut = 0; cut < head.size() + 2; ++cut) {
    EXPECT_EQ(first_raw_offset(base::as_bytes(std::string_view(message).substr(0, cut))), 0u);
  }
}

TEST(InferRequest, GivesRawEntriesToInputsWithoutOtherData) {
  const Decoded decoded = decode(
      input_field("A", "UINT8", {1}) +
      input_field("S", "UINT8", {1},
                  map_field(4, "shared_memory_region", string_param("r")) +
                      map_field(4, "shared_memory_byte_size", int64_param(1))) +
      input_field("B", "UINT8", {1}) + raw_field("a") + raw_field("b") + raw_field("surplus"));
  ASSERT_TRUE(decoded.request) << decoded.error.message;
  EXPECT_EQ(decoded.data(0), "a");
  EXPECT_EQ(decoded.request->inputs[1].shared_memory->region, "r");
  EXPECT_EQ(decoded.data(2), "b");
}

TEST(InferRequest, SaysWhenDataIsMissingOrGivenTwice) {
  EXPECT_EQ(invalid_text(kModel + input_field("IN", "FP32", {1})),
            "unable to find data for input tensor 'IN' for model 'm' in request.");
  EXPECT_EQ(invalid_text(kModel + input_field("IN", "FP32", {1}, contents("")) + raw_field("")),
            "contents field must not be specified when using raw_input_contents for 'IN' for model "
            "'m'");
  EXPECT_EQ(invalid_text(kModel +
                         input_field("IN", "FP32", {1},
                                     contents("") +
                                         map_field(4, "shared_memory_region", string_param("r")) +
                                         map_field(4, "shared_memory_byte_size", int64_param(1)))),
            "unexpected 'content' provided when using shared memory for input tensor 'IN' for "
            "model 'm'");
}

TEST(InferRequest, SaysHowMuchWorkItsDataIs) {
  const auto work = [](const std::string& message) {
    const auto block = base::BufferPool::global().take_shared(message.size());
    std::memcpy(block->data(), message.data(), message.size());
    return data_work(*parse_infer_message({block->data(), message.size()}, {}));
  };
  EXPECT_EQ(work(kModel + input_field("A", "INT8", {3}, contents(packed_field(2, {1, 2, 3})))), 5U);
  const std::string raw = raw_field(std::string(96, 'x'));
  EXPECT_EQ(work(kModel + raw), 96U / 16);
  EXPECT_EQ(work(bytes_field(1, "mmmm") + raw), 0U);
}

}  // namespace
}  // namespace tfe::kserve_grpc
