// Vocabulary of Triton's C API as C++ types; the values are those of its ABI.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tfe::triton {

enum class DataType : std::int32_t {
  kInvalid = 0,
  kBool = 1,
  kUint8 = 2,
  kUint16 = 3,
  kUint32 = 4,
  kUint64 = 5,
  kInt8 = 6,
  kInt16 = 7,
  kInt32 = 8,
  kInt64 = 9,
  kFp16 = 10,
  kFp32 = 11,
  kFp64 = 12,
  kBytes = 13,
  kBf16 = 14,
};

// "FP32" and so on; "<invalid>" for kInvalid. Exact upper-case names only when parsing.
std::string_view datatype_name(DataType type);
DataType parse_datatype(std::string_view name);
// Bytes of one element; 0 for kBytes and kInvalid.
std::size_t element_size(DataType type);

enum class MemoryType : std::int32_t { kCpu = 0, kCpuPinned = 1, kGpu = 2 };

struct MemoryPlace {
  MemoryType type = MemoryType::kCpu;
  std::int64_t id = 0;
};

// cudaIpcMemHandle_t: what one process needs to open device memory of another.
using CudaIpcHandle = std::array<std::byte, 64>;

using Shape = std::vector<std::int64_t>;

// A request or response parameter, also a parameter of a model load (where bytes are allowed).
using ParameterValue = std::variant<bool, std::int64_t, double, std::string>;
struct Parameter {
  std::string name;
  ParameterValue value;
};

enum class ModelControlMode : std::int32_t { kNone = 0, kPoll = 1, kExplicit = 2 };
enum class RateLimitMode : std::int32_t { kOff = 0, kExecCount = 1 };
enum class InstanceGroupKind : std::int32_t { kAuto = 0, kCpu = 1, kGpu = 2, kModel = 3 };
enum class LogLevel : std::int32_t { kInfo = 0, kWarn = 1, kError = 2, kVerbose = 3 };
enum class LogFormat : std::int32_t { kDefault = 0, kIso8601 = 1 };
enum class MetricKind : std::int32_t { kCounter = 0, kGauge = 1, kHistogram = 2 };

// Bits of TRITONSERVER_RequestFlag.
inline constexpr std::uint32_t kSequenceStart = 1;
inline constexpr std::uint32_t kSequenceEnd = 2;

}  // namespace tfe::triton
