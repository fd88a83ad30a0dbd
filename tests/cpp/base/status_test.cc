#include "base/status.h"

#include <gtest/gtest.h>

namespace tfe::base {
namespace {

TEST(Status, NamesEveryCode) {
  EXPECT_EQ(code_name(Code::kInvalidArgument), "Invalid argument");
  // The core's own table has no word for this one.
  EXPECT_EQ(code_name(Code::kCancelled), "Cancelled");
  EXPECT_EQ(code_name(Code::kPermissionDenied), "Permission denied");
}

TEST(Status, CarriesCodeAndMessage) {
  const Result<int> result = fail(Code::kNotFound, "no such model");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kNotFound);
  EXPECT_EQ(result.error().message, "no such model");
}

}  // namespace
}  // namespace tfe::base
