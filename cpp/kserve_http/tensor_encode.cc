// Writing half of tensor_json.h.
#include <concepts>
#include <cstring>
#include <type_traits>

#include "codec/json_writer.h"
#include "kserve_http/half_float.h"
#include "kserve_http/tensor_json.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Status;
using triton::DataType;

// How the elements of a type are stored and what they are as JSON.
template <typename T>
struct Plain {
  using Stored = T;
  static auto widen(T value) {
    if constexpr (std::floating_point<T>) {
      return static_cast<double>(value);
    } else if constexpr (std::is_unsigned_v<T>) {
      return static_cast<std::uint64_t>(value);
    } else {
      return static_cast<std::int64_t>(value);
    }
  }
};
struct Boolean {
  using Stored = std::uint8_t;
  static bool widen(std::uint8_t value) { return value != 0; }
};
struct Fp16 {
  using Stored = std::uint16_t;
  static double widen(std::uint16_t bits) { return from_fp16(bits); }
};
struct Bf16 {
  using Stored = std::uint16_t;
  static double widen(std::uint16_t bits) { return from_bf16(bits); }
};

template <typename Element>
Status append_elements(std::string& out, std::string_view name, std::size_t count,
                       base::Bytes data) {
  typename Element::Stored stored;
  if (data.size() != count * sizeof(stored)) {
    return base::fail(Code::kInternal,
                      "Failed to write 'data' field: output tensor shape does not match size of "
                      "output for '" +
                          std::string(name) + "'");
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    std::memcpy(&stored, data.data() + i * sizeof(stored), sizeof(stored));
    const auto value = Element::widen(stored);
    if constexpr (std::same_as<decltype(value), const bool>) {
      codec::append_json_bool(out, value);
    } else {
      codec::append_json_number(out, value);
    }
  }
  return {};
}

// A 4-byte little-endian length, then the bytes. Advances `data`; false if it holds less.
bool take_string(std::string_view& data, std::string_view& text) {
  if (data.size() < 4) return false;
  std::uint32_t length = 0;
  for (unsigned i = 4; i-- > 0;) length = (length << 8) | static_cast<unsigned char>(data[i]);
  if (data.size() - 4 < length) return false;
  text = data.substr(4, length);
  data.remove_prefix(4 + std::size_t{length});
  return true;
}

Status append_strings(std::string& out, std::string_view name, std::size_t count,
                      base::Bytes data) {
  std::string_view rest = base::as_text(data);
  bool matches = true;
  for (std::size_t i = 0; i < count && matches; ++i) {
    std::string_view text;
    matches = take_string(rest, text);
    if (i > 0) out += ',';
    codec::append_json_string(out, text);
  }
  if (matches && rest.empty()) return {};
  return base::fail(Code::kInternal, "output tensor shape does not match size of output for '" +
                                         std::string(name) + "'");
}

}  // namespace

base::Status append_data(std::string& out, std::string_view name, DataType datatype,
                         std::span<const std::int64_t> shape, base::Bytes data) {
  std::size_t count = 1;
  for (const std::int64_t dim : shape) count *= static_cast<std::size_t>(dim);
  const auto write = [&]() -> Status {
    switch (datatype) {
      case DataType::kBool:
        return append_elements<Boolean>(out, name, count, data);
      case DataType::kUint8:
        return append_elements<Plain<std::uint8_t>>(out, name, count, data);
      case DataType::kUint16:
        return append_elements<Plain<std::uint16_t>>(out, name, count, data);
      case DataType::kUint32:
        return append_elements<Plain<std::uint32_t>>(out, name, count, data);
      case DataType::kUint64:
        return append_elements<Plain<std::uint64_t>>(out, name, count, data);
      case DataType::kInt8:
        return append_elements<Plain<std::int8_t>>(out, name, count, data);
      case DataType::kInt16:
        return append_elements<Plain<std::int16_t>>(out, name, count, data);
      case DataType::kInt32:
        return append_elements<Plain<std::int32_t>>(out, name, count, data);
      case DataType::kInt64:
        return append_elements<Plain<std::int64_t>>(out, name, count, data);
      case DataType::kFp32:
        return append_elements<Plain<float>>(out, name, count, data);
      case DataType::kFp64:
        return append_elements<Plain<double>>(out, name, count, data);
      case DataType::kBytes:
        return append_strings(out, name, count, data);
      case DataType::kFp16:
        return append_elements<Fp16>(out, name, count, data);
      case DataType::kBf16:
        return append_elements<Bf16>(out, name, count, data);
      case DataType::kInvalid:
        break;
    }
    return base::fail(Code::kInternal,
                      "output '" + std::string(name) + "' has a datatype that JSON cannot express");
  };
  out += '[';
  auto status = write();
  out += ']';
  return status;
}

}  // namespace tfe::kserve_http
