// FP16 (IEEE 754 binary16) and BF16 (the upper half of binary32) as bit patterns, converted from
// and to double. Rounds once, to nearest, ties to even; what is too large becomes infinite, as with
// FP32.
#pragma once

#include <cstdint>

namespace tfe::kserve_http {

std::uint16_t to_fp16(double value);
std::uint16_t to_bf16(double value);
double from_fp16(std::uint16_t bits);
double from_bf16(std::uint16_t bits);

}  // namespace tfe::kserve_http
