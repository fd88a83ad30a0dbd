#include "codec/json_number.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

namespace tfe::codec {
namespace {

template <typename T>
std::string text_of(T value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

TEST(JsonNumber, DoublesAreWrittenLikeTritonWritesThem) {
  EXPECT_EQ(text_of(0.0), "0.0");
  EXPECT_EQ(text_of(-0.0), "-0.0");
  EXPECT_EQ(text_of(1.0), "1.0");
  EXPECT_EQ(text_of(-25.0), "-25.0");
  EXPECT_EQ(text_of(static_cast<double>(0.1F)), "0.10000000149011612");
  EXPECT_EQ(text_of(1e10), "10000000000.0");
  EXPECT_EQ(text_of(1e20), "100000000000000000000.0");
  EXPECT_EQ(text_of(123456789012345680000.0), "123456789012345680000.0");
  EXPECT_EQ(text_of(1e21), "1e21");
  EXPECT_EQ(text_of(1.5e21), "1.5e21");
  EXPECT_EQ(text_of(1e-6), "0.000001");
  EXPECT_EQ(text_of(1.25e-6), "0.00000125");
  EXPECT_EQ(text_of(1e-7), "1e-7");
  EXPECT_EQ(text_of(-1.25e-7), "-1.25e-7");
  EXPECT_EQ(text_of(5e-324), "5e-324");
  EXPECT_EQ(text_of(1.7976931348623157e308), "1.7976931348623157e308");
  EXPECT_EQ(text_of(3.14), "3.14");
  EXPECT_EQ(text_of(9007199254740993.5), "9007199254740994.0");
  EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(text_of(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST(JsonNumber, IntegersAtTheirLimits) {
  EXPECT_EQ(text_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(text_of(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
}

TEST(JsonNumber, EveryDoubleReadsBack) {
  // A fixed pseudo-random walk over bit patterns.
  std::uint64_t bits = 0x9e3779b97f4a7c15U;
  for (int i = 0; i < 20'000; ++i) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    const auto value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    const std::string text = text_of(value);
    ASSERT_TRUE(is_json_number(text)) << text;
    ASSERT_EQ(parse_json_double(text), value) << text;
  }
}

TEST(JsonNumber, GrammarOfTheRfc) {
  for (const char* text : {"0", "-0", "10", "1.5", "0.1e5", "1E+9", "1e-9", "-12.25e00"}) {
    EXPECT_TRUE(is_json_number(text)) << text;
  }
  for (const char* text : {"", "-", "+1", "01", "-01", ".5", "1.", "1.e5", "1e", "1e+", "0x1", "1 ",
                           "1_0", "NaN", "Infinity"}) {
    EXPECT_FALSE(is_json_number(text)) << text;
  }
}

TEST(JsonNumber, TokensBeyondTheGrammar) {
  EXPECT_TRUE(std::isnan(*parse_json_double("NaN")));
  EXPECT_TRUE(std::isnan(*parse_json_double("-NaN")));
  EXPECT_EQ(parse_json_double("Inf"), HUGE_VAL);
  EXPECT_EQ(parse_json_double("-Infinity"), -HUGE_VAL);
  EXPECT_EQ(parse_json_double("18446744073709551616"), 18446744073709551616.0);
  EXPECT_EQ(parse_json_double("123456789.123456789"), 123456789.123456789);
  for (const char* text : {"nan", "inf", "INF", "Infinit", "+Inf", "NaN1", "1e400", "--1"}) {
    EXPECT_EQ(parse_json_double(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tfe::codec
