#include "triton/types.h"

#include <gtest/gtest.h>

namespace tfe::triton {
namespace {

TEST(DataTypeTest, NamesAndParsingAreInverse) {
  for (std::int32_t value = 1; value <= 14; ++value) {
    const auto type = static_cast<DataType>(value);
    EXPECT_EQ(parse_datatype(datatype_name(type)), type);
  }
}

TEST(DataTypeTest, OnlyExactProtocolNamesParse) {
  for (const char* name : {"", "fp32", "STRING", "FP32 ", "<invalid>", "INT128"}) {
    EXPECT_EQ(parse_datatype(name), DataType::kInvalid) << name;
  }
}

TEST(DataTypeTest, UnknownValuesAreInvalid) {
  EXPECT_EQ(datatype_name(static_cast<DataType>(99)), "<invalid>");
  EXPECT_EQ(datatype_name(static_cast<DataType>(-1)), "<invalid>");
  EXPECT_EQ(element_size(static_cast<DataType>(99)), 0U);
}

TEST(DataTypeTest, ElementSizes) {
  EXPECT_EQ(element_size(DataType::kBool), 1U);
  EXPECT_EQ(element_size(DataType::kBf16), 2U);
  EXPECT_EQ(element_size(DataType::kFp32), 4U);
  EXPECT_EQ(element_size(DataType::kInt64), 8U);
  EXPECT_EQ(element_size(DataType::kBytes), 0U);
}

}  // namespace
}  // namespace tfe::triton
