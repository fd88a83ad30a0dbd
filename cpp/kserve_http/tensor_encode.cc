// Writing half of tensor_json.h.
#include <concepts>
#include <cstring>

#include "codec/json_writer.h"
#include "kserve_http/tensor_json.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Status;
using triton::DataType;

template <typename T>
void append_element(std::string& out, T value) {
  if constexpr (std::same_as<T, bool>) {
    codec::append_json_bool(out, value);
  } else if constexpr (std::floating_point<T>) {
    codec::append_json_number(out, static_cast<double>(value));
  } else if constexpr (std::is_unsigned_v<T>) {
    codec::append_json_number(out, static_cast<std::uint64_t>(value));
  } else {
    codec::append_json_number(out, static_cast<std::int64_t>(value));
  }
}

template <typename T>
Status append_elements(std::string& out, std::string_view name, std::size_t count,
                       base::Bytes data) {
  if (data.size() != count * sizeof(T)) {
    return base::fail(Code::kInternal,
                      "Failed to write 'data' field: output tensor shape does not match size of "
                      "output for '" +
                          std::string(name) + "'");
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    if constexpr (std::same_as<T, bool>) {
      append_element(out, data[i] != std::byte{0});
    } else {
      T value;
      std::memcpy(&value, data.data() + i * sizeof(T), sizeof(T));
      append_element(out, value);
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
        return append_elements<bool>(out, name, count, data);
      case DataType::kUint8:
        return append_elements<std::uint8_t>(out, name, count, data);
      case DataType::kUint16:
        return append_elements<std::uint16_t>(out, name, count, data);
      case DataType::kUint32:
        return append_elements<std::uint32_t>(out, name, count, data);
      case DataType::kUint64:
        return append_elements<std::uint64_t>(out, name, count, data);
      case DataType::kInt8:
        return append_elements<std::int8_t>(out, name, count, data);
      case DataType::kInt16:
        return append_elements<std::int16_t>(out, name, count, data);
      case DataType::kInt32:
        return append_elements<std::int32_t>(out, name, count, data);
      case DataType::kInt64:
        return append_elements<std::int64_t>(out, name, count, data);
      case DataType::kFp32:
        return append_elements<float>(out, name, count, data);
      case DataType::kFp64:
        return append_elements<double>(out, name, count, data);
      case DataType::kBytes:
        return append_strings(out, name, count, data);
      case DataType::kFp16:
      case DataType::kBf16:
      case DataType::kInvalid:
        break;
    }
    return base::fail(Code::kInvalidArgument,
                      "sending " + std::string(triton::datatype_name(datatype)) +
                          " data via JSON is not supported. Please use the binary data format for "
                          "output");
  };
  out += '[';
  auto status = write();
  out += ']';
  return status;
}

}  // namespace tfe::kserve_http
