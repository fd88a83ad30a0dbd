#include "triton/types.h"

#include <array>

namespace tfe::triton {

namespace {

struct TypeInfo {
  std::string_view name;
  std::size_t size;
};

// Indexed by the enum's value.
constexpr std::array<TypeInfo, 15> kTypes = {{
    {"<invalid>", 0},
    {"BOOL", 1},
    {"UINT8", 1},
    {"UINT16", 2},
    {"UINT32", 4},
    {"UINT64", 8},
    {"INT8", 1},
    {"INT16", 2},
    {"INT32", 4},
    {"INT64", 8},
    {"FP16", 2},
    {"FP32", 4},
    {"FP64", 8},
    {"BYTES", 0},
    {"BF16", 2},
}};

const TypeInfo& info(DataType type) {
  const auto index = static_cast<std::size_t>(type);
  return index < kTypes.size() ? kTypes[index] : kTypes[0];
}

}  // namespace

std::string_view datatype_name(DataType type) { return info(type).name; }

DataType parse_datatype(std::string_view name) {
  for (std::size_t index = 1; index < kTypes.size(); ++index) {
    if (kTypes[index].name == name) return static_cast<DataType>(index);
  }
  return DataType::kInvalid;
}

std::size_t element_size(DataType type) { return info(type).size; }

}  // namespace tfe::triton
