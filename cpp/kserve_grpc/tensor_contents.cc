#include "kserve_grpc/tensor_contents.h"

#include <cstring>
#include <optional>
#include <string>

#include "base/buffer_pool.h"
#include "codec/proto_reader.h"

namespace tfe::kserve_grpc {
namespace {

using codec::PackedVarints;
using codec::ProtoReader;
using codec::Wire;
using triton::DataType;

// Typed lists may grow eightfold when they are laid out, so the result is bounded like a message.
constexpr std::uint64_t kMaxTensor = std::uint64_t{4} << 30;

bool is_fixed(std::size_t list) {
  return list == TensorContents::kFp32 || list == TensorContents::kFp64;
}

std::size_t fixed_size(std::size_t list) { return list == TensorContents::kFp32 ? 4 : 8; }

bool add_field(const ProtoReader& reader, std::size_t list, TensorContents& contents) {
  const base::Bytes bytes = reader.bytes();
  if (list == TensorContents::kBytes) {
    if (reader.wire() != Wire::kBytes) return true;
    contents.elements[list] += 1;
    contents.bytes_size += sizeof(std::uint32_t) + bytes.size();
  } else if (is_fixed(list)) {
    const auto own = list == TensorContents::kFp32 ? Wire::kFixed32 : Wire::kFixed64;
    if (reader.wire() == own) contents.elements[list] += 1;
    if (reader.wire() != Wire::kBytes) return true;
    if (bytes.size() % fixed_size(list) != 0) return false;
    contents.elements[list] += bytes.size() / fixed_size(list);
  } else if (reader.wire() == Wire::kVarint) {
    contents.elements[list] += 1;
  } else if (reader.wire() == Wire::kBytes) {
    contents.elements[list] += PackedVarints::count(bytes);
    if (!bytes.empty() && std::to_integer<unsigned>(bytes.back()) >= 0x80) return false;
  }
  return true;
}

// Writes elements one after the other; the caller has measured the room.
class Layout {
 public:
  Layout(std::byte* at, std::size_t element_size) : at_(at), element_size_(element_size) {}

  void number(std::uint64_t value) {
    std::memcpy(at_, &value, element_size_);
    at_ += element_size_;
  }
  // Of the lists of 32-bit numbers, which smaller types have to take too.
  void int32(std::uint64_t value) {
    const auto given = static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
    const auto bound = std::int64_t{1} << (8 * element_size_ - 1);
    if (given < -bound || given >= bound) misfit_ = given;
    number(value);
  }
  void uint32(std::uint64_t value) {
    const auto given = static_cast<std::uint32_t>(value);
    if (given >= std::uint64_t{1} << (8 * element_size_)) misfit_ = given;
    number(value);
  }
  // A number that has no place in an element.
  const std::optional<std::int64_t>& misfit() const { return misfit_; }
  void raw(base::Bytes bytes) {
    if (!bytes.empty()) std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  void element(base::Bytes bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    std::memcpy(at_, &length, sizeof length);
    at_ += sizeof length;
    raw(bytes);
  }

 private:
  std::byte* at_;
  std::size_t element_size_;
  std::optional<std::int64_t> misfit_;
};

void lay_out_varint(std::uint64_t value, std::size_t list, Layout& layout) {
  if (list == TensorContents::kInt) return layout.int32(value);
  if (list == TensorContents::kUint) return layout.uint32(value);
  layout.number(list == TensorContents::kBool ? std::uint64_t{value != 0} : value);
}

bool lay_out_varints(const ProtoReader& reader, std::size_t list, Layout& layout) {
  if (reader.wire() == Wire::kVarint) {
    lay_out_varint(reader.number_value(), list, layout);
    return true;
  }
  if (reader.wire() != Wire::kBytes) return true;
  PackedVarints packed(reader.bytes());
  std::uint64_t value = 0;
  while (packed.next(value)) lay_out_varint(value, list, layout);
  return !packed.failed();
}

bool lay_out(base::Bytes part, std::size_t list, Layout& layout) {
  ProtoReader reader(part);
  while (reader.next()) {
    if (reader.number() != list + 1) continue;
    if (list == TensorContents::kBytes) {
      if (reader.wire() == Wire::kBytes) layout.element(reader.bytes());
    } else if (is_fixed(list)) {
      const auto own = list == TensorContents::kFp32 ? Wire::kFixed32 : Wire::kFixed64;
      if (reader.wire() == Wire::kBytes)
        layout.raw(reader.bytes());
      else if (reader.wire() == own)
        layout.number(reader.number_value());
    } else if (!lay_out_varints(reader, list, layout)) {
      return false;
    }
  }
  return true;
}

bool list_fits(std::size_t list, DataType datatype) {
  switch (list) {
    case TensorContents::kBool:
      return datatype == DataType::kBool;
    case TensorContents::kInt:
      return datatype == DataType::kInt32 || datatype == DataType::kInt16 ||
             datatype == DataType::kInt8;
    case TensorContents::kInt64:
      return datatype == DataType::kInt64;
    case TensorContents::kUint:
      return datatype == DataType::kUint32 || datatype == DataType::kUint16 ||
             datatype == DataType::kUint8;
    case TensorContents::kUint64:
      return datatype == DataType::kUint64;
    case TensorContents::kFp32:
      return datatype == DataType::kFp32;
    case TensorContents::kFp64:
      return datatype == DataType::kFp64;
    default:
      return datatype == DataType::kBytes;
  }
}

std::string_view list_name(std::size_t list) {
  constexpr std::array<std::string_view, TensorContents::kLists> kNames{
      "BOOL", "INT32", "INT64", "UINT32", "UINT64", "FP32", "FP64", "BYTES"};
  return kNames[list];
}

std::string about(const TensorName& name) {
  return "unexpected explicit tensor data for input tensor '" + std::string(name.tensor) +
         "' for model '" + std::string(name.model) + "'";
}

// The one list with elements, kLists if all are empty.
base::Result<std::size_t> find_list(const TensorContents& contents, DataType datatype,
                                    const TensorName& name) {
  std::size_t found = TensorContents::kLists;
  for (std::size_t list = 0; list < TensorContents::kLists; ++list) {
    if (contents.elements[list] == 0) continue;
    if (found != TensorContents::kLists) {
      return base::fail(base::Code::kInvalidArgument,
                        about(name) + ", binary data was already supplied.");
    }
    if (!list_fits(list, datatype)) {
      return base::fail(base::Code::kInvalidArgument,
                        about(name) + " of type '" + std::string(list_name(list)) +
                            "', expected datatype '" +
                            std::string(triton::datatype_name(datatype)) + "'");
    }
    found = list;
  }
  return found;
}

}  // namespace

bool add_contents(base::Bytes part, TensorContents& contents) {
  contents.parts.push_back(part);
  ProtoReader reader(part);
  while (reader.next()) {
    if (reader.number() > TensorContents::kLists) continue;
    if (!add_field(reader, reader.number() - 1, contents)) return false;
  }
  return !reader.failed();
}

base::Result<OwnedBytes> convert_contents(const TensorContents& contents, DataType datatype,
                                          const TensorName& name) {
  const auto list = find_list(contents, datatype, name);
  if (!list) return std::unexpected(list.error());
  if (*list == TensorContents::kLists) return OwnedBytes{};
  const std::size_t element_size = triton::element_size(datatype);
  const std::uint64_t size = *list == TensorContents::kBytes
                                 ? contents.bytes_size
                                 : contents.elements[*list] * element_size;
  const auto block = size <= kMaxTensor ? base::BufferPool::global().take_shared(size) : nullptr;
  if (!block) {
    return base::fail(base::Code::kResourceExhausted,
                      "no memory for the " + std::to_string(size) + " bytes of input tensor '" +
                          std::string(name.tensor) + "' given as typed contents");
  }
  Layout layout(block->data(), element_size);
  for (const base::Bytes part : contents.parts) {
    if (!lay_out(part, *list, layout)) {
      return base::fail(base::Code::kInternal, "Unable to parse request");
    }
  }
  if (layout.misfit()) {
    return base::fail(base::Code::kInvalidArgument,
                      about(name) + ": " + std::to_string(*layout.misfit()) +
                          " is out of range for datatype '" +
                          std::string(triton::datatype_name(datatype)) + "'");
  }
  return OwnedBytes{{block->data(), static_cast<std::size_t>(size)}, block};
}

}  // namespace tfe::kserve_grpc
