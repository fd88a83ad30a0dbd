#include "kserve_http/half_float.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace tfe::kserve_http {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(HalfFloat, EveryPatternReadsBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const double fp16 = from_fp16(half);
    const double bf16 = from_bf16(half);
    if (!std::isnan(fp16)) {
      EXPECT_EQ(to_fp16(fp16), half) << bits;
    }
    // BF16 is defined by FP32.
    const auto single = std::bit_cast<float>(bits << 16);
    if (!std::isnan(bf16)) {
      EXPECT_EQ(to_bf16(bf16), half) << bits;
      EXPECT_EQ(bf16, static_cast<double>(single)) << bits;
    }
    EXPECT_EQ(std::isnan(bf16), std::isnan(single));
  }
}

TEST(HalfFloat, Values) {
  EXPECT_EQ(from_fp16(0x3c00), 1.0);
  EXPECT_EQ(from_fp16(0x2e66), 0.0999755859375);
  EXPECT_EQ(from_fp16(0x7bff), 65504.0);
  EXPECT_EQ(from_fp16(0x0001), std::ldexp(1, -24));
  EXPECT_EQ(from_fp16(0xfc00), -kInf);
  EXPECT_EQ(to_fp16(0.1), 0x2e66);
  EXPECT_EQ(to_fp16(-0.0), 0x8000);
  EXPECT_EQ(to_bf16(1.0), 0x3f80);
  EXPECT_EQ(to_bf16(-2.0), 0xc000);
  EXPECT_TRUE(std::isnan(from_fp16(to_fp16(std::nan("")))));
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(-std::nan("")))));
}

// Halfway between every two neighbours, and a little to either side.
TEST(HalfFloat, RoundsToNearestTiesToEven) {
  for (std::uint16_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = from_fp16(bits);
    const double high = from_fp16(static_cast<std::uint16_t>(bits + 1));
    const double middle = (low + high) / 2;
    EXPECT_EQ(to_fp16(middle), bits + bits % 2) << bits;
    EXPECT_EQ(to_fp16(std::nextafter(middle, 0.0)), bits);
    EXPECT_EQ(to_fp16(std::nextafter(middle, kInf)), bits + 1);
    EXPECT_EQ(to_fp16(-middle), 0x8000 | (bits + bits % 2));
  }
  for (std::uint16_t bits = 0; bits < 0x7f7f; ++bits) {
    const double low = from_bf16(bits);
    const double middle = (low + from_bf16(static_cast<std::uint16_t>(bits + 1))) / 2;
    EXPECT_EQ(to_bf16(middle), bits + bits % 2) << bits;
    EXPECT_EQ(to_bf16(std::nextafter(middle, kInf)), bits + 1);
  }
  // Not by way of FP32, which would round this to the tie first.
  EXPECT_EQ(to_fp16(1.0 + std::ldexp(1, -11) + std::ldexp(1, -40)), 0x3c01);
}

TEST(HalfFloat, TooLargeIsInfinite) {
  EXPECT_EQ(to_fp16(65519.99), 0x7bff);
  EXPECT_EQ(to_fp16(65520.0), 0x7c00);
  EXPECT_EQ(to_fp16(-1e300), 0xfc00);
  EXPECT_EQ(to_bf16(3.4e38), 0x7f80);
  EXPECT_EQ(to_bf16(3.38e38), 0x7f7e);
  EXPECT_EQ(to_bf16(1e300), 0x7f80);
  EXPECT_EQ(to_bf16(kInf), 0x7f80);
  EXPECT_EQ(to_fp16(std::numeric_limits<double>::max()), 0x7c00);
  EXPECT_EQ(to_fp16(std::numeric_limits<double>::denorm_min()), 0);
  EXPECT_EQ(to_bf16(-std::numeric_limits<double>::denorm_min()), 0x8000);
}

}  // namespace
}  // namespace tfe::kserve_http
