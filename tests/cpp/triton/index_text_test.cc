#include "triton/index_text.h"

#include <gtest/gtest.h>

namespace tfe::triton {
namespace {

TEST(IndexTextTest, NamesModelsAndReasons) {
  EXPECT_EQ(unavailable_models(R"([
    {"name":"a","version":"1","state":"UNAVAILABLE","reason":"no \"backend\"\nfound"},
    {"name":"ok","version":"1","state":"READY","reason":"x"},
    {"name":"silent"},
    {"name":"b","version":"2","state":"UNAVAILABLE","reason":"C:\\path {in} [brackets], too"}])"),
            "'a' version 1: no \"backend\" found; 'b' version 2: C:\\path {in} [brackets], too");
}

TEST(IndexTextTest, OtherTextIsNoTrouble) {
  for (const char* text : {"", "[]", "[{}]", "{", "{\"", "{\"a", "{\"a\":", "{\"a\":\"b\\", "}{",
                           "null", "[{\"name\":\"a\",\"reason\":\"cut"}) {
    EXPECT_EQ(unavailable_models(text), "") << text;
  }
}

}  // namespace
}  // namespace tfe::triton
