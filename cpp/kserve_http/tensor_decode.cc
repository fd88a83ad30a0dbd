// Reading half of tensor_json.h.
#include <concepts>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "base/buffer_pool.h"
#include "kserve_http/tensor_json.h"

namespace tfe::kserve_http {
namespace {

using base::Code;
using base::Error;
using base::Status;
using codec::JsonType;
using codec::JsonValue;
using triton::DataType;

constexpr std::string_view kData = "Unable to parse 'data': ";

// Calls put() for every element; the elements of the outermost array are at depth 1.
template <typename Put>
Status read_elements(JsonValue array, int depth, int max_depth, Put& put) {
  return array.each_element([&](JsonValue value) -> Status {
    if (depth >= max_depth) {
      return base::fail(
          Code::kInvalidArgument,
          "JSON nesting depth exceeds maximum allowed limit (" + std::to_string(max_depth) + ")");
    }
    if (value.type() == JsonType::kArray) return read_elements(value, depth + 1, max_depth, put);
    return put(value);
  });
}

template <typename T>
base::Result<T> read_number(JsonValue value, std::string_view type_name) {
  if constexpr (std::floating_point<T>) {
    auto number = value.number();
    if (!number) return std::unexpected(std::move(number).error());
    return static_cast<T>(*number);
  } else {
    using Wide = std::conditional_t<std::is_unsigned_v<T>, std::uint64_t, std::int64_t>;
    base::Result<Wide> number;
    if constexpr (std::is_unsigned_v<T>) {
      number = value.unsigned_integer();
    } else {
      number = value.signed_integer();
    }
    if (!number) return std::unexpected(std::move(number).error());
    if (!std::in_range<T>(*number)) {
      return base::fail(
          Code::kInvalidArgument,
          "value " + std::to_string(*number) + " is out of range for " + std::string(type_name));
    }
    return static_cast<T>(*number);
  }
}

// Fills a block of `count` elements of type T with what `read(JsonValue) -> Result<T>` gives.
template <typename T, typename Read>
base::Result<DecodedData> fill(JsonValue data, std::size_t count, const Options& options,
                               Read read) {
  auto block = base::BufferPool::global().take_shared(count * sizeof(T));
  if (!block) {
    return base::fail(Code::kResourceExhausted, "not enough memory for a tensor of " +
                                                    std::to_string(count * sizeof(T)) + " bytes");
  }
  std::size_t filled = 0;
  auto put = [&](JsonValue value) -> Status {
    if (filled == count) {
      return base::fail(Code::kInternal, "Shape does not match true shape of 'data' field");
    }
    auto element = read(value);
    if (!element) return std::unexpected(std::move(element).error());
    std::memcpy(block->data() + filled++ * sizeof(T), &*element, sizeof(T));
    return {};
  };
  if (auto status = read_elements(data, 1, options.max_data_depth, put); !status) {
    return std::unexpected(Error{status.error().code, std::string(kData) + status.error().message});
  }
  if (filled < count) {
    return base::fail(Code::kInternal,
                      "Failed to parse 'data' field: shape does not match true shape");
  }
  return DecodedData{{block->data(), count * sizeof(T)}, block};
}

template <typename T>
base::Result<DecodedData> fill_numbers(JsonValue data, std::size_t count, const DataTarget& target,
                                       const Options& options) {
  const std::string_view type = triton::datatype_name(target.datatype);
  return fill<T>(data, count, options,
                 [type](JsonValue value) { return read_number<T>(value, type); });
}

Error tensor_too_large(std::string_view name, std::uint64_t size, std::uint64_t limit) {
  return {Code::kInvalidArgument,
          "JSON input '" + std::string(name) + "' has a byte_size (" + std::to_string(size) +
              " bytes) that exceeds the maximum allowed value of " + std::to_string(limit) +
              " bytes. Use --http-max-input-size to increase the limit."};
}

// The count of strings is the core's to compare with the shape.
base::Result<DecodedData> fill_strings(JsonValue data, const DataTarget& target,
                                       const Options& options) {
  if (data.type() != JsonType::kArray) {
    auto status = data.each_element([](JsonValue) -> Status { return {}; });
    return std::unexpected(Error{Code::kInternal, std::string(kData) + status.error().message});
  }
  auto bytes = std::make_shared<std::string>();
  auto put = [&](JsonValue value) -> Status {
    auto text = value.string();
    if (!text) {
      return base::fail(text.error().code,
                        "Unable to parse JSON bytes array: " + text.error().message);
    }
    const auto length = static_cast<std::uint32_t>(text->size());
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes->push_back(static_cast<char>((length >> shift) & 0xff));
    }
    bytes->append(*text);
    return {};
  };
  auto status = read_elements(data, 1, options.max_data_depth, put);
  if (!status) return std::unexpected(std::move(status).error());
  if (bytes->size() > options.max_input_size) {
    return std::unexpected(tensor_too_large(target.name, bytes->size(), options.max_input_size));
  }
  return DecodedData{base::as_bytes(*bytes), bytes};
}

std::string shape_text(const triton::Shape& shape) {
  std::string text = "[";
  for (const std::int64_t dim : shape) {
    if (text.size() > 1) text += ',';
    text += std::to_string(dim);
  }
  return text + "]";
}

base::Result<std::int64_t> element_count(const DataTarget& target) {
  const auto invalid = [&](std::string_view problem) {
    return base::fail(Code::kInvalidArgument, "invalid shape for input '" +
                                                  std::string(target.name) + "': shape " +
                                                  shape_text(target.shape) + std::string(problem));
  };
  std::int64_t count = 1;
  for (const std::int64_t dim : target.shape) {
    if (dim < 0) return invalid(" contains one or more invalid dimensions");
    if (__builtin_mul_overflow(count, dim, &count)) {
      return invalid(" causes total element count to exceed maximum size of 9223372036854775807");
    }
  }
  return count;
}

// Elements of the tensor, after every check that needs no look at the data.
base::Result<std::size_t> checked_count(const DataTarget& target, const Options& options) {
  auto count = element_count(target);
  if (!count) return std::unexpected(std::move(count).error());
  const auto size = static_cast<std::int64_t>(triton::element_size(target.datatype));
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(*count, size, &bytes)) {
    return base::fail(Code::kInvalidArgument,
                      "byte size overflow for input '" + std::string(target.name) +
                          "': element count (" + std::to_string(*count) + ") * data type size (" +
                          std::to_string(size) +
                          ") exceeds maximum allowed size (9223372036854775807)");
  }
  if (static_cast<std::uint64_t>(bytes) > options.max_input_size) {
    return std::unexpected(
        tensor_too_large(target.name, static_cast<std::uint64_t>(bytes), options.max_input_size));
  }
  return static_cast<std::size_t>(*count);
}

}  // namespace

bool has_zero_elements(const triton::Shape& shape) {
  for (const std::int64_t dim : shape) {
    if (dim == 0) return true;
  }
  return false;
}

base::Result<DecodedData> decode_data(JsonValue data, const DataTarget& target,
                                      const Options& options) {
  if (target.datatype == DataType::kInvalid) {
    return base::fail(Code::kInvalidArgument,
                      "invalid datatype for input " + std::string(target.name));
  }
  const auto count = checked_count(target, options);
  if (!count) return std::unexpected(count.error());
  if (*count == 0) return DecodedData{};
  // Every element takes at least one character, so no memory is taken for what cannot be there.
  if (target.datatype != DataType::kBytes && *count > target.json_size) {
    if (auto status = data.validate(); !status) return std::unexpected(status.error());
    return base::fail(Code::kInternal,
                      "Failed to parse 'data' field: shape does not match true shape");
  }
  switch (target.datatype) {
    case DataType::kBool:
      return fill<bool>(data, *count, options, [](JsonValue value) { return value.boolean(); });
    case DataType::kUint8:
      return fill_numbers<std::uint8_t>(data, *count, target, options);
    case DataType::kUint16:
      return fill_numbers<std::uint16_t>(data, *count, target, options);
    case DataType::kUint32:
      return fill_numbers<std::uint32_t>(data, *count, target, options);
    case DataType::kUint64:
      return fill_numbers<std::uint64_t>(data, *count, target, options);
    case DataType::kInt8:
      return fill_numbers<std::int8_t>(data, *count, target, options);
    case DataType::kInt16:
      return fill_numbers<std::int16_t>(data, *count, target, options);
    case DataType::kInt32:
      return fill_numbers<std::int32_t>(data, *count, target, options);
    case DataType::kInt64:
      return fill_numbers<std::int64_t>(data, *count, target, options);
    case DataType::kFp32:
      return fill_numbers<float>(data, *count, target, options);
    case DataType::kFp64:
      return fill_numbers<double>(data, *count, target, options);
    case DataType::kBytes:
      return fill_strings(data, target, options);
    case DataType::kFp16:
    case DataType::kBf16:
    case DataType::kInvalid:
      break;
  }
  return base::fail(Code::kInvalidArgument,
                    "receiving " + std::string(triton::datatype_name(target.datatype)) +
                        " data via JSON is not supported. Please use the binary data format for "
                        "input " +
                        std::string(target.name));
}

}  // namespace tfe::kserve_http
