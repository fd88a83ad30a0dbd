// Reading half of tensor_json.h.
#include <concepts>
#include <cstring>
#include <memory>
#include <type_traits>
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

// Gives every element to sink.try_put(), which is quick, and those that it does not take to
// sink.put(), which says why. The elements of the outermost array are at depth 1.
template <typename Sink>
Status read_elements(JsonValue array, int depth, int max_depth, Sink& sink) {
  return array.each_element([&](JsonValue value) -> Status {
    if (depth < max_depth && sink.try_put(value)) return {};
    if (depth >= max_depth) {
      return base::fail(
          Code::kInvalidArgument,
          "JSON nesting depth exceeds maximum allowed limit (" + std::to_string(max_depth) + ")");
    }
    if (value.type() == JsonType::kArray) return read_elements(value, depth + 1, max_depth, sink);
    return sink.put(value);
  });
}

// What JSON has for a type: its widest relative.
template <typename T>
using Wide = std::conditional_t<
    std::same_as<T, bool>, bool,
    std::conditional_t<std::floating_point<T>, double,
                       std::conditional_t<std::is_unsigned_v<T>, std::uint64_t, std::int64_t>>>;

template <typename T>
bool fits(Wide<T> value) {
  if constexpr (std::same_as<T, bool> || std::floating_point<T>) {
    return true;
  } else {
    return std::in_range<T>(value);
  }
}

template <typename T>
base::Result<Wide<T>> read_wide(JsonValue value) {
  if constexpr (std::same_as<T, bool>) {
    return value.boolean();
  } else if constexpr (std::floating_point<T>) {
    return value.number();
  } else if constexpr (std::is_unsigned_v<T>) {
    return value.unsigned_integer();
  } else {
    return value.signed_integer();
  }
}

// Takes up to `count` elements of type T.
template <typename T>
class ElementSink {
 public:
  ElementSink(std::byte* out, std::size_t count, DataType datatype)
      : out_(out), count_(count), datatype_(datatype) {}

  bool try_put(JsonValue value) {
    Wide<T> element{};
    return filled_ < count_ && value.try_get(element) && fits<T>(element) && store(element);
  }

  Status put(JsonValue value) {
    if (filled_ == count_) {
      return base::fail(Code::kInternal, "Shape does not match true shape of 'data' field");
    }
    auto element = read_wide<T>(value);
    if (!element) return std::unexpected(std::move(element).error());
    if (!fits<T>(*element)) {
      return base::fail(Code::kInvalidArgument, "value " + std::to_string(*element) +
                                                    " is out of range for " +
                                                    std::string(triton::datatype_name(datatype_)));
    }
    store(*element);
    return {};
  }

  bool full() const { return filled_ == count_; }

 private:
  bool store(Wide<T> element) {
    const T narrow = static_cast<T>(element);
    std::memcpy(out_ + filled_++ * sizeof(T), &narrow, sizeof(T));
    return true;
  }

  std::byte* out_;
  std::size_t count_;
  DataType datatype_;
  std::size_t filled_ = 0;
};

template <typename T>
base::Result<DecodedData> fill(JsonValue data, std::size_t count, const DataTarget& target,
                               const Options& options) {
  auto block = base::BufferPool::global().take_shared(count * sizeof(T));
  if (!block) {
    return base::fail(Code::kResourceExhausted, "not enough memory for a tensor of " +
                                                    std::to_string(count * sizeof(T)) + " bytes");
  }
  ElementSink<T> sink(block->data(), count, target.datatype);
  if (auto status = read_elements(data, 1, options.max_data_depth, sink); !status) {
    return std::unexpected(Error{status.error().code, std::string(kData) + status.error().message});
  }
  if (!sink.full()) {
    return base::fail(Code::kInternal,
                      "Failed to parse 'data' field: shape does not match true shape");
  }
  return DecodedData{{block->data(), count * sizeof(T)}, block};
}

// Appends each string behind its length.
struct StringSink {
  std::string& out;

  bool try_put(JsonValue) { return false; }
  Status put(JsonValue value) {
    auto text = value.string();
    if (!text) {
      return base::fail(text.error().code,
                        "Unable to parse JSON bytes array: " + text.error().message);
    }
    const auto length = static_cast<std::uint32_t>(text->size());
    for (unsigned shift = 0; shift < 32; shift += 8) {
      out.push_back(static_cast<char>((length >> shift) & 0xff));
    }
    out.append(*text);
    return {};
  }
};

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
  StringSink sink{*bytes};
  auto status = read_elements(data, 1, options.max_data_depth, sink);
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
      return fill<bool>(data, *count, target, options);
    case DataType::kUint8:
      return fill<std::uint8_t>(data, *count, target, options);
    case DataType::kUint16:
      return fill<std::uint16_t>(data, *count, target, options);
    case DataType::kUint32:
      return fill<std::uint32_t>(data, *count, target, options);
    case DataType::kUint64:
      return fill<std::uint64_t>(data, *count, target, options);
    case DataType::kInt8:
      return fill<std::int8_t>(data, *count, target, options);
    case DataType::kInt16:
      return fill<std::int16_t>(data, *count, target, options);
    case DataType::kInt32:
      return fill<std::int32_t>(data, *count, target, options);
    case DataType::kInt64:
      return fill<std::int64_t>(data, *count, target, options);
    case DataType::kFp32:
      return fill<float>(data, *count, target, options);
    case DataType::kFp64:
      return fill<double>(data, *count, target, options);
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
