#include "kserve/version.h"

#include <gtest/gtest.h>

namespace tfe::kserve {
namespace {

TEST(VersionTest, EmptyLeavesTheChoiceToTheServer) { EXPECT_EQ(*parse_version(""), -1); }

TEST(VersionTest, NumbersParseLikeStrtol) {
  EXPECT_EQ(*parse_version("1"), 1);
  EXPECT_EQ(*parse_version("007"), 7);
  EXPECT_EQ(*parse_version("0"), 0);
  EXPECT_EQ(*parse_version(" \t12"), 12);
  EXPECT_EQ(*parse_version("+3"), 3);
  EXPECT_EQ(*parse_version("1abc"), 1);
  EXPECT_EQ(*parse_version("9223372036854775807"), INT64_MAX);
}

TEST(VersionTest, NoNumberIsRefusedWithTheText) {
  for (const char* text : {"abc", " ", "+", "-", "+-1", "9223372036854775808", "v1"}) {
    const auto version = parse_version(text);
    ASSERT_FALSE(version) << text;
    EXPECT_EQ(version.error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(version.error().message,
              "failed to get model version from specified version string '" + std::string(text) +
                  "' (details: stol), version should be an integral value > 0");
  }
}

TEST(VersionTest, NegativeIsRefusedWithItsOwnText) {
  const auto version = parse_version("-1");
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().message,
            "invalid model version specified '-1' , version should be an integral value > 0");
}

}  // namespace
}  // namespace tfe::kserve
