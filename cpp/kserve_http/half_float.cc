#include "kserve_http/half_float.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tfe::kserve_http {
namespace {

// A binary format of 16 bits: sign, exponent, fraction.
struct Format {
  int fraction_bits;
  int bias;

  constexpr std::uint32_t infinity() const { return (0x7fffU >> fraction_bits) << fraction_bits; }
};
constexpr Format kFp16{10, 15};
constexpr Format kBf16{7, 127};

std::uint16_t encode(double value, Format format) {
  const std::uint32_t sign = std::signbit(value) ? 0x8000U : 0U;
  // A quiet NaN: the highest bit of the fraction is set.
  const std::uint32_t nan = format.infinity() | (1U << (format.fraction_bits - 1));
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | nan);
  if (std::isinf(value)) return static_cast<std::uint16_t>(sign | format.infinity());
  const double magnitude = std::fabs(value);
  if (magnitude == 0) return static_cast<std::uint16_t>(sign);  // has no exponent
  int exponent = 0;  // magnitude = m * 2^exponent, m in [0.5, 1)
  std::frexp(magnitude, &exponent);
  // Below the smallest normal number the exponent stays and the fraction gets shorter.
  const int lowest = 2 - format.bias;
  const int used = std::max(exponent, lowest);
  // Multiples of the last place, exactly representable, so the rounding is the only one.
  const double places = std::nearbyint(std::ldexp(magnitude, format.fraction_bits + 1 - used));
  if (used + format.bias > 2 * format.bias + 2) {
    return static_cast<std::uint16_t>(sign | format.infinity());
  }
  // The leading one of a normal number adds to the exponent, and so does a carry of the rounding.
  const auto bits = (static_cast<std::uint32_t>(used - lowest) << format.fraction_bits) +
                    static_cast<std::uint32_t>(places);
  return static_cast<std::uint16_t>(sign | std::min(bits, format.infinity()));
}

double decode(std::uint16_t bits, Format format) {
  const std::uint32_t magnitude = bits & 0x7fffU;
  const std::uint32_t fraction = magnitude & ((1U << format.fraction_bits) - 1);
  const int exponent = static_cast<int>(magnitude >> format.fraction_bits);
  double value = 0;
  if (magnitude > format.infinity()) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (magnitude == format.infinity()) {
    value = std::numeric_limits<double>::infinity();
  } else {
    const bool normal = exponent > 0;
    const std::uint32_t places = normal ? fraction + (1U << format.fraction_bits) : fraction;
    value = std::ldexp(places, std::max(exponent, 1) - format.bias - format.fraction_bits);
  }
  return (bits & 0x8000U) != 0 ? -value : value;
}

}  // namespace

std::uint16_t to_fp16(double value) { return encode(value, kFp16); }
std::uint16_t to_bf16(double value) { return encode(value, kBf16); }
double from_fp16(std::uint16_t bits) { return decode(bits, kFp16); }
double from_bf16(std::uint16_t bits) { return decode(bits, kBf16); }

}  // namespace tfe::kserve_http
