// From the wire to the protocol-neutral request.
#include "kserve_grpc/infer_request.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "kserve_grpc/wire.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

struct Decoded {
  std::shared_ptr<const std::string> message;
  std::optional<kserve::InferRequest> request;
  base::Error error;

  std::string data(std::size_t index) const {
    return std::string(base::as_text(request->inputs.at(index).data));
  }
};

Decoded decode(const std::string& message, const MessageLimits& limits = {}) {
  Decoded decoded{std::make_shared<const std::string>(message), std::nullopt, {}};
  const auto wire = parse_infer_message(base::as_bytes(*decoded.message), limits);
  if (!wire) {
    decoded.error = wire.error();
    return decoded;
  }
  auto request = build_infer_request(*wire, -1, decoded.message);
  if (request)
    decoded.request = std::move(*request);
  else
    decoded.error = request.error();
  return decoded;
}

std::string invalid_text(const std::string& message) {
  const Decoded decoded = decode(message);
  EXPECT_FALSE(decoded.request);
  EXPECT_EQ(decoded.error.code, base::Code::kInvalidArgument);
  return decoded.error.message;
}

const std::string kModel = bytes_field(1, "m");
const std::string kFloats = float_text({1, 2});

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

std::string converted(std::string_view datatype, const std::string& lists) {
  const Decoded decoded = decode(kModel + input_field("IN", datatype, {1}, contents(lists)));
  if (!decoded.request) return decoded.error.message;
  return decoded.data(0);
}

TEST(TypedContents, BecomeTheTensorsBytes) {
  EXPECT_EQ(converted("BOOL", packed_field(1, {1, 0, 300})), std::string("\1\0\1", 3));
  EXPECT_EQ(converted("INT8", packed_field(2, {300, UINT64_MAX})), "\x2C\xFF");
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
  // Two lists: the first of another type decides the message.
  EXPECT_EQ(converted("INT64", packed_field(3, {1}) + packed_field(5, {1})),
            "unexpected explicit tensor data for input tensor 'IN' for model 'm' of type 'UINT64', "
            "expected datatype 'INT64'");
}

TEST(RequestParameters, Apply) {
  const Decoded decoded =
      decode(map_field(4, "sequence_id", int64_param(-1)) +
             map_field(4, "sequence_start", bool_param(true)) +
             map_field(4, "sequence_end", bool_param(true)) +
             map_field(4, "priority", uint64_param(7)) + map_field(4, "timeout", int64_param(9)) +
             map_field(4, "triton_enable_empty_final_response", bool_param(true)) +
             map_field(4, "", double_param(0.5)) + map_field(4, "headers", bool_param(false)));
  ASSERT_TRUE(decoded.request) << decoded.error.message;
  const kserve::InferRequest& request = *decoded.request;
  EXPECT_EQ(std::get<std::uint64_t>(request.sequence_id), UINT64_MAX);
  EXPECT_EQ(request.flags, triton::kSequenceStart | triton::kSequenceEnd);
  EXPECT_EQ(request.priority, 7u);
  EXPECT_EQ(request.timeout_us, 9u);
  ASSERT_EQ(request.parameters.size(), 2u);
  EXPECT_EQ(std::get<double>(request.parameters[0].value), 0.5);
  EXPECT_EQ(std::get<bool>(request.parameters[1].value), false);
  EXPECT_EQ(std::get<std::string>(
                decode(map_field(4, "sequence_id", string_param("s"))).request->sequence_id),
            "s");
}

TEST(RequestParameters, RefuseOtherTypes) {
  const auto text = [](std::string_view key, const std::string& choice) {
    return invalid_text(map_field(4, key, choice));
  };
  EXPECT_EQ(text("sequence_id", uint64_param(1)),
            "invalid value type for 'sequence_id' parameter, expected int64_param or "
            "string_param.");
  EXPECT_EQ(text("sequence_start", int64_param(1)),
            "invalid value type for 'sequence_start' parameter, expected bool_param.");
  EXPECT_EQ(text("priority", int64_param(-1)),
            "invalid value for 'priority', expected value >= 0.");
  EXPECT_EQ(text("priority", bool_param(true)),
            "invalid value type for 'priority' parameter, expected int64_param or uint64_param.");
  EXPECT_EQ(text("timeout", uint64_param(1)),
            "invalid value type for 'timeout' parameter, expected int64_param.");
  EXPECT_EQ(text("custom", ""),
            "invalid value type for 'custom' parameter, expected int64_param, bool_param, or "
            "string_param.");
  EXPECT_EQ(text("custom", uint64_param(1)), text("custom", ""));
  EXPECT_EQ(text("triton_enable_empty_final_response", int64_param(1)),
            "invalid value type for 'triton_enable_empty_final_response' parameter, expected "
            "bool_param.");
  EXPECT_TRUE(text("triton_final_response", bool_param(true))
                  .starts_with("parameter keys starting with 'triton_' are reserved"));
}

TEST(RequestParameters, RefuseTextsThatTheCoreWouldCut) {
  EXPECT_NE(invalid_text(map_field(4, "k", string_param(std::string("a\0b", 3)))), "");
  EXPECT_NE(invalid_text(bytes_field(3, std::string("a\0b", 3))), "");
}

TEST(OutputParameters, AskForClasses) {
  const auto output = [](const std::string& parameters) {
    return kModel + bytes_field(6, bytes_field(1, "O") + parameters);
  };
  const auto classes = [&](const std::string& choice) {
    return output(map_field(2, "classification", choice));
  };
  EXPECT_EQ(decode(classes(int64_param(3))).request->outputs[0].classification, 3u);
  EXPECT_EQ(decode(output(map_field(2, "binary_data", bool_param(true))))
                .request->outputs[0]
                .classification,
            0u);
  EXPECT_EQ(invalid_text(classes(int64_param(0))),
            "invalid value for 'classification' parameter, expected >= 0");
  EXPECT_EQ(invalid_text(classes(string_param("3"))),
            "invalid value type for 'classification' parameter, expected int64_param");
  EXPECT_EQ(invalid_text(output(map_field(2, "classification", int64_param(3)) +
                                map_field(2, "shared_memory_region", string_param("r")) +
                                map_field(2, "shared_memory_byte_size", int64_param(1)))),
            "output can't set both 'shared_memory_region' and 'classification'");
}

TEST(SharedMemoryParameters, AreCheckedTogether) {
  const auto text = [](const std::string& parameters) {
    return invalid_text(kModel + input_field("T", "FP32", {1}, parameters));
  };
  EXPECT_EQ(text(map_field(4, "shared_memory_region", int64_param(1))),
            "invalid value type for 'shared_memory_region' parameter for tensor 'T', expected "
            "string_param.");
  EXPECT_EQ(text(map_field(4, "shared_memory_region", string_param("r"))),
            "'shared_memory_byte_size' must be specified along with 'shared_memory_region' "
            "parameter for tensor 'T'");
  EXPECT_EQ(text(map_field(4, "shared_memory_offset", int64_param(1))),
            "'shared_memory_offset' can not be specified without 'shared_memory_region' parameter "
            "for tensor 'T'");
  EXPECT_EQ(text(map_field(4, "shared_memory_region", string_param("r")) +
                 map_field(4, "shared_memory_byte_size", string_param("1"))),
            "invalid value type for 'shared_memory_byte_size' parameter for tensor 'T', expected "
            "int64_param.");
}

}  // namespace
}  // namespace tfe::kserve_grpc
