#include "http/headers.h"

#include <gtest/gtest.h>

#include "http/date.h"
#include "http/status_text.h"

namespace tfe::http {
namespace {

TEST(Headers, NamesIgnoreCase) {
  EXPECT_TRUE(iequals("Content-LENGTH", "content-length"));
  EXPECT_FALSE(iequals("a", "ab"));
  EXPECT_FALSE(iequals("[", "{"));  // differ by 0x20 and are no letters
  const std::vector<HeaderView> headers = {{"A", "1"}, {"b", "2"}, {"B", "3"}};
  EXPECT_EQ(find_header(headers, "B"), "2");
  EXPECT_EQ(find_header(headers, "c"), std::nullopt);
}

TEST(Headers, Lists) {
  EXPECT_TRUE(has_item("keep-alive , Upgrade", "upgrade"));
  EXPECT_TRUE(has_item(",,close", "close"));
  EXPECT_FALSE(has_item("not-close", "close"));
  EXPECT_FALSE(has_item("", "close"));
}

TEST(Headers, Decimals) {
  EXPECT_EQ(parse_decimal("0"), 0u);
  EXPECT_EQ(parse_decimal("18446744073709551615"), 18446744073709551615u);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "18446744073709551616"}) {
    EXPECT_EQ(parse_decimal(text), std::nullopt) << text;
  }
}

TEST(Headers, LenientNumbersFollowStoi) {
  EXPECT_EQ(parse_lenient_int32(" \t+12abc").value, 12);
  EXPECT_EQ(parse_lenient_int32("-3").value, -3);
  EXPECT_EQ(parse_lenient_int32("2147483647").value, 2147483647);
  EXPECT_EQ(parse_lenient_int32("2147483648").error, LenientError::kOutOfRange);
  EXPECT_EQ(parse_lenient_int32("99999999999").error, LenientError::kOutOfRange);
  for (const char* text : {"", "  ", "abc", "+-1", "+", "-"}) {
    EXPECT_EQ(parse_lenient_int32(text).error, LenientError::kNotANumber) << text;
  }
}

TEST(Headers, Tokens) {
  EXPECT_TRUE(is_token("X-Fwd_1.a!"));
  for (const char* text : {"", "a b", "a:", "a\"", "\x80"}) EXPECT_FALSE(is_token(text)) << text;
}

TEST(Date, IsFormattedAsTheRfcShows) {
  char text[kDateSize];
  format_date(784111777, text);
  EXPECT_EQ(std::string(text, kDateSize), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(current_date().size(), kDateSize);
}

TEST(StatusText, KnowsTheCodesThatAreSent) {
  EXPECT_EQ(status_text(405), "Method Not Allowed");
  EXPECT_EQ(status_text(507), "Insufficient Storage");
  EXPECT_EQ(status_text(299), "Unknown");
}

}  // namespace
}  // namespace tfe::http
