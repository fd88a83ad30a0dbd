#include "kserve/trace_tensor.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "kserve/trace_format.h"

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
void append_numbers(std::string& out, std::string_view data, Convert convert) {
  for (bool first = true; data.size() >= sizeof(T); data.remove_prefix(sizeof(T))) {
    T element;
    std::memcpy(&element, data.data(), sizeof(T));
    if (!std::exchange(first, false)) out += ',';
    append_number(out, convert(element));
  }
}

template <typename T>
void append_numbers(std::string& out, std::string_view data) {
  append_numbers<T>(out, data, [](T element) { return element; });
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
void append_strings(std::string& out, std::string_view data) {
  std::uint32_t length = 0;
  std::string element;
  for (bool first = true; data.size() >= sizeof(length); data.remove_prefix(length)) {
    std::memcpy(&length, data.data(), sizeof(length));
    data.remove_prefix(sizeof(length));
    if (length > data.size()) break;
    element = std::exchange(first, false) ? "\"" : ",\"";
    for (const char c : data.substr(0, length)) {
      if (c == '"' || c == '\\') element += '\\';
      element += c;
    }
    element += '"';
    append_json_characters(out, element);
  }
}

}  // namespace

void append_tensor_text(std::string& out, triton::DataType datatype, std::string_view data) {
  using triton::DataType;
  switch (datatype) {
    case DataType::kBool:
      return append_numbers<std::uint8_t>(out, data,
                                          [](std::uint8_t value) { return value != 0 ? 1 : 0; });
    case DataType::kUint8:
      return append_numbers<std::uint8_t>(out, data,
                                          [](std::uint8_t value) { return unsigned{value}; });
    case DataType::kUint16:
      return append_numbers<std::uint16_t>(out, data);
    case DataType::kUint32:
      return append_numbers<std::uint32_t>(out, data);
    case DataType::kUint64:
      return append_numbers<std::uint64_t>(out, data);
    case DataType::kInt8:
      return append_numbers<std::int8_t>(out, data, [](std::int8_t value) { return int{value}; });
    case DataType::kInt16:
      return append_numbers<std::int16_t>(out, data);
    case DataType::kInt32:
      return append_numbers<std::int32_t>(out, data);
    case DataType::kInt64:
      return append_numbers<std::int64_t>(out, data);
    case DataType::kFp16:
      return append_numbers<std::uint16_t>(out, data, half_value);
    case DataType::kBf16:
      return append_numbers<std::uint16_t>(out, data, bfloat_value);
    case DataType::kFp32:
      return append_numbers<float>(out, data);
    case DataType::kFp64:
      return append_numbers<double>(out, data);
    case DataType::kBytes:
      return append_strings(out, data);
    case DataType::kInvalid:
      return;
  }
}

std::size_t tensor_text_limit(triton::DataType datatype, std::size_t byte_size) {
  using triton::DataType;
  switch (datatype) {
    case DataType::kBool:  // "1,"
      return byte_size * 2;
    case DataType::kInt8:  // "-128,"
      return byte_size * 5;
    case DataType::kFp16:
    case DataType::kBf16:   // "-1.1754944e-38," for two bytes
    case DataType::kBytes:  // "\\u0000" for one, behind a copy of the element
      return byte_size * 8;
    case DataType::kInvalid:
      return 0;
    default:  // of the others "-32768," is the longest for its size
      return byte_size * 4;
  }
}

}  // namespace tfe::kserve
