// Reading half of tensor_json.h.
#include <concepts>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/buffer_pool.h"
#include "kserve_http/half_float.h"
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

template <typename T>
base::Result<T> read(JsonValue value) {
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

// How the elements of a type are written in JSON (Wide: the widest relative) and stored.
template <typename T>
struct Integer {
  using Stored = T;
  using Wide = std::conditional_t<std::is_unsigned_v<T>, std::uint64_t, std::int64_t>;
  static bool fits(Wide value) { return std::in_range<T>(value); }
  static T narrow(Wide value) { return static_cast<T>(value); }
};
struct Boolean {
  using Stored = bool;
  using Wide = bool;
  static bool fits(bool) { return true; }
  static bool narrow(bool value) { return value; }
};
template <typename T, T (*Narrow)(double)>
struct Real {
  using Stored = T;
  using Wide = double;
  static bool fits(double) { return true; }
  static T narrow(double value) { return Narrow(value); }
};
using Fp16 = Real<std::uint16_t, to_fp16>;
using Bf16 = Real<std::uint16_t, to_bf16>;
using Fp32 = Real<float, [](double value) { return static_cast<float>(value); }>;
using Fp64 = Real<double, [](double value) { return value; }>;

// Takes up to `count` elements.
template <typename Element>
class ElementSink {
 public:
  using Stored = typename Element::Stored;
  using Wide = typename Element::Wide;

  ElementSink(std::byte* out, std::size_t count, DataType datatype)
      : out_(out), count_(count), datatype_(datatype) {}

  bool try_put(JsonValue value) {
    Wide element{};
    return filled_ < count_ && value.try_get(element) && Element::fits(element) && store(element);
  }

  Status put(JsonValue value) {
    if (filled_ == count_) {
      return base::fail(Code::kInternal, "Shape does not match true shape of 'data' field");
    }
    const auto element = read<Wide>(value);
    if (!element) return std::unexpected(element.error());
    if (!Element::fits(*element)) {
      return base::fail(Code::kInvalidArgument, "value " + std::to_string(*element) +
                                                    " is out of range for " +
                                                    std::string(triton::datatype_name(datatype_)));
    }
    store(*element);
    return {};
  }

  bool full() const { return filled_ == count_; }

 private:
  bool store(Wide element) {
    const Stored stored = Element::narrow(element);
    std::memcpy(out_ + filled_++ * sizeof(stored), &stored, sizeof(stored));
    return true;
  }

  std::byte* out_;
  std::size_t count_;
  DataType datatype_;
  std::size_t filled_ = 0;
};

// Every element of an array, or the one value that stands for an array of one.
template <typename Sink>
Status read_tensor(JsonValue data, const DataTarget& target, const Options& options, Sink& sink) {
  if (target.scalar && data.type() != JsonType::kArray) {
    return sink.try_put(data) ? Status() : sink.put(data);
  }
  return read_elements(data, 1, options.max_data_depth, sink);
}

template <typename Element>
base::Result<DecodedData> fill(JsonValue data, std::size_t count, const DataTarget& target,
                               const Options& options) {
  constexpr std::size_t kSize = sizeof(typename Element::Stored);
  auto block = base::BufferPool::global().take_shared(count * kSize);
  if (!block) {
    return base::fail(Code::kResourceExhausted, "not enough memory for a tensor of " +
                                                    std::to_string(count * kSize) + " bytes");
  }
  ElementSink<Element> sink(block->data(), count, target.datatype);
  if (auto status = read_tensor(data, target, options, sink); !status) {
    return std::unexpected(Error{status.error().code, std::string(kData) + status.error().message});
  }
  if (!sink.full()) {
    return base::fail(Code::kInternal,
                      "Failed to parse 'data' field: shape does not match true shape");
  }
  return DecodedData{{block->data(), count * kSize}, block};
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

Error invalid_datatype(std::string_view name) {
  return {Code::kInvalidArgument, "invalid datatype for input " + std::string(name)};
}

// The count of strings is the core's to compare with the shape.
base::Result<DecodedData> fill_strings(JsonValue data, const DataTarget& target,
                                       const Options& options) {
  if (!target.scalar && data.type() != JsonType::kArray) {
    auto status = data.each_element([](JsonValue) -> Status { return {}; });
    return std::unexpected(Error{Code::kInternal, std::string(kData) + status.error().message});
  }
  auto bytes = std::make_shared<std::string>();
  StringSink sink{*bytes};
  auto status = read_tensor(data, target, options, sink);
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
    return std::unexpected(invalid_datatype(target.name));
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
      return fill<Boolean>(data, *count, target, options);
    case DataType::kUint8:
      return fill<Integer<std::uint8_t>>(data, *count, target, options);
    case DataType::kUint16:
      return fill<Integer<std::uint16_t>>(data, *count, target, options);
    case DataType::kUint32:
      return fill<Integer<std::uint32_t>>(data, *count, target, options);
    case DataType::kUint64:
      return fill<Integer<std::uint64_t>>(data, *count, target, options);
    case DataType::kInt8:
      return fill<Integer<std::int8_t>>(data, *count, target, options);
    case DataType::kInt16:
      return fill<Integer<std::int16_t>>(data, *count, target, options);
    case DataType::kInt32:
      return fill<Integer<std::int32_t>>(data, *count, target, options);
    case DataType::kInt64:
      return fill<Integer<std::int64_t>>(data, *count, target, options);
    case DataType::kFp32:
      return fill<Fp32>(data, *count, target, options);
    case DataType::kFp64:
      return fill<Fp64>(data, *count, target, options);
    case DataType::kBytes:
      return fill_strings(data, target, options);
    case DataType::kFp16:
      return fill<Fp16>(data, *count, target, options);
    case DataType::kBf16:
      return fill<Bf16>(data, *count, target, options);
    case DataType::kInvalid:
      break;
  }
  return std::unexpected(invalid_datatype(target.name));
}

}  // namespace tfe::kserve_http
