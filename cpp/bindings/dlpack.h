// The DLPack structures (https://dmlc.github.io/dlpack, versions 0 and 1.0): C ABI, field order and
// sizes are part of the standard.
#pragma once

#include <cstdint>

namespace tfe::bindings::dlpack {

struct Device {
  std::int32_t type;
  std::int32_t id;
};

struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements; null for compact row-major
  std::uint64_t byte_offset;
};

// Capsule "dltensor", renamed to "used_dltensor" by its consumer.
struct Managed {
  static constexpr const char* kName = "dltensor";
  static constexpr const char* kUsedName = "used_dltensor";
  Tensor tensor;
  void* context;
  void (*deleter)(Managed*);
};

// Capsule "dltensor_versioned".
struct ManagedVersioned {
  static constexpr const char* kName = "dltensor_versioned";
  static constexpr const char* kUsedName = "used_dltensor_versioned";
  std::uint32_t major;
  std::uint32_t minor;
  void* context;
  void (*deleter)(ManagedVersioned*);
  std::uint64_t flags;
  Tensor tensor;
};

inline constexpr std::uint64_t kReadOnly = 1;

}  // namespace tfe::bindings::dlpack
