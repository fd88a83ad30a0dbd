#include "kserve/parameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tfe::kserve {
namespace {

using ::testing::HasSubstr;

TEST(ParameterKeyTest, KnownNames) {
  for (const Protocol protocol : {Protocol::kHttp, Protocol::kGrpc}) {
    EXPECT_EQ(parameter_key("sequence_id", protocol), ParameterKey::kSequenceId);
    EXPECT_EQ(parameter_key("sequence_start", protocol), ParameterKey::kSequenceStart);
    EXPECT_EQ(parameter_key("sequence_end", protocol), ParameterKey::kSequenceEnd);
    EXPECT_EQ(parameter_key("priority", protocol), ParameterKey::kPriority);
    EXPECT_EQ(parameter_key("timeout", protocol), ParameterKey::kTimeout);
    EXPECT_EQ(parameter_key("triton_anything", protocol), ParameterKey::kReserved);
    EXPECT_EQ(parameter_key("headers", protocol), ParameterKey::kCustom);
    EXPECT_EQ(parameter_key("Triton_x", protocol), ParameterKey::kCustom);
    EXPECT_EQ(parameter_key("triton", protocol), ParameterKey::kCustom);
    EXPECT_EQ(parameter_key("", protocol), ParameterKey::kCustom);
  }
}

TEST(ParameterKeyTest, WhereTheProtocolsDiffer) {
  EXPECT_EQ(parameter_key("binary_data_output", Protocol::kHttp), ParameterKey::kBinaryDataOutput);
  EXPECT_EQ(parameter_key("binary_data_output", Protocol::kGrpc), ParameterKey::kCustom);
  const char* const kFlag = "triton_enable_empty_final_response";
  EXPECT_EQ(parameter_key(kFlag, Protocol::kHttp), ParameterKey::kReserved);
  EXPECT_EQ(parameter_key(kFlag, Protocol::kGrpc), ParameterKey::kEmptyFinalResponse);
}

TEST(ParameterTextTest, RefusalsNameTheRule) {
  EXPECT_EQ(reserved_parameter(Protocol::kHttp).message,
            "parameter keys starting with 'triton_' are reserved for Triton usage and should not "
            "be specified.");
  EXPECT_THAT(reserved_parameter(Protocol::kGrpc).message,
              HasSubstr("are allowed: triton_enable_empty_final_response"));
  EXPECT_EQ(invalid_parameter_type("k", Protocol::kHttp).message,
            "parameter 'k' has invalid type. It should be either 'int', 'bool', or 'string'.");
  EXPECT_EQ(invalid_parameter_type("k", Protocol::kGrpc).message,
            "invalid value type for 'k' parameter, expected int64_param, bool_param, or "
            "string_param.");
  EXPECT_EQ(reserved_parameter(Protocol::kHttp).code, base::Code::kInvalidArgument);
}

}  // namespace
}  // namespace tfe::kserve
