#include "base/text.h"

#include <gtest/gtest.h>

namespace tfe::base {
namespace {

TEST(Text, TrimsTheBlanksAround) {
  EXPECT_EQ(trim(" \t\n\v\f\ra b \r\n"), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(trim(""), "");
}

}  // namespace
}  // namespace tfe::base
