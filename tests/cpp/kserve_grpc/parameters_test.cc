// Parameters of requests, inputs and outputs.
#include "kserve_grpc/decode.h"

namespace tfe::kserve_grpc {
namespace {

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
  for (const std::int64_t count : {std::int64_t{1} << 32, (std::int64_t{1} << 32) + 1, INT64_MAX}) {
    EXPECT_EQ(decode(classes(int64_param(count))).request->outputs[0].classification, UINT32_MAX);
  }
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
