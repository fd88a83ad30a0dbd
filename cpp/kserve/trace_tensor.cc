#include "kserve/trace_tensor.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace tfe::kserve {

namespace {

template <typename T>
void append_number(std::string& out, T value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

// Elements of type T, each made a number by `convert`.
template <typename T, typename Convert>
std::string numbers(std::string_view data, Convert convert) {
  std::string out;
  for (; data.size() >= sizeof(T); data.remove_prefix(sizeof(T))) {
    T element;
    std::memcpy(&element, data.data(), sizeof(T));
    if (!out.empty()) out += ',';
    append_number(out, convert(element));
  }
  return out;
}

template <typename T>
std::string numbers(std::string_view data) {
  return numbers<T>(data, [](T element) { return element; });
}

// IEEE 754 binary16.
float half_value(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int fraction = bits & 0x3ff;
  const float sign = (bits & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  if (exponent != 0x1f) {
    return sign * std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  }
  return fraction != 0 ? std::nanf("") : sign * HUGE_VALF;
}

float bfloat_value(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
}

// Triton's BYTES: for each element its length in four bytes, little-endian, and its bytes.
std::string strings(std::string_view data) {
  std::string out;
  std::uint32_t length = 0;
  while (data.size() >= sizeof(length)) {
    std::memcpy(&length, data.data(), sizeof(length));
    data.remove_prefix(sizeof(length));
    if (length > data.size()) break;
    if (!out.empty()) out += ',';
    out += '"';
    for (const char c : data.substr(0, length)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
    data.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string tensor_text(triton::DataType datatype, std::string_view data) {
  using triton::DataType;
  switch (datatype) {
    case DataType::kBool:
      return numbers<std::uint8_t>(data, [](std::uint8_t value) { return value != 0 ? 1 : 0; });
    case DataType::kUint8:
      return numbers<std::uint8_t>(data, [](std::uint8_t value) { return unsigned{value}; });
    case DataType::kUint16:
      return numbers<std::uint16_t>(data);
    case DataType::kUint32:
      return numbers<std::uint32_t>(data);
    case DataType::kUint64:
      return numbers<std::uint64_t>(data);
    case DataType::kInt8:
      return numbers<std::int8_t>(data, [](std::int8_t value) { return int{value}; });
    case DataType::kInt16:
      return numbers<std::int16_t>(data);
    case DataType::kInt32:
      return numbers<std::int32_t>(data);
    case DataType::kInt64:
      return numbers<std::int64_t>(data);
    case DataType::kFp16:
      return numbers<std::uint16_t>(data, half_value);
    case DataType::kBf16:
      return numbers<std::uint16_t>(data, bfloat_value);
    case DataType::kFp32:
      return numbers<float>(data);
    case DataType::kFp64:
      return numbers<double>(data);
    case DataType::kBytes:
      return strings(data);
    case DataType::kInvalid:
      return {};
  }
  return {};
}

}  // namespace tfe::kserve
