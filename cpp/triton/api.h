// Triton's in-process C API as one table of function pointers, filled from a library opened at run
// time. The declarations are ours: opaque handles, and enums with the values of the ABI (types.h).
//
// A function that an older core lacks stays null. api_functions.def says which ones the project
// cannot do without; every other one is called through call(), which turns a null pointer into
// Code::kUnsupported, so that one feature is off and not the whole library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "triton/trace.h"
#include "triton/types.h"

struct TRITONSERVER_BufferAttributes;
struct TRITONSERVER_Error;
struct TRITONSERVER_InferenceRequest;
struct TRITONSERVER_InferenceResponse;
struct TRITONSERVER_InferenceTrace;
struct TRITONSERVER_Message;
struct TRITONSERVER_Metric;
struct TRITONSERVER_MetricArgs;
struct TRITONSERVER_MetricFamily;
struct TRITONSERVER_Metrics;
struct TRITONSERVER_Parameter;
struct TRITONSERVER_ResponseAllocator;
struct TRITONSERVER_Server;
struct TRITONSERVER_ServerOptions;

namespace tfe::triton {

namespace capi {

using Attributes = ::TRITONSERVER_BufferAttributes;
using Err = ::TRITONSERVER_Error;
using Request = ::TRITONSERVER_InferenceRequest;
using Response = ::TRITONSERVER_InferenceResponse;
using Trace = ::TRITONSERVER_InferenceTrace;
using Message = ::TRITONSERVER_Message;
using Metric = ::TRITONSERVER_Metric;
using MetricArgs = ::TRITONSERVER_MetricArgs;
using Family = ::TRITONSERVER_MetricFamily;
using Metrics = ::TRITONSERVER_Metrics;
using Param = ::TRITONSERVER_Parameter;
using Allocator = ::TRITONSERVER_ResponseAllocator;
using Server = ::TRITONSERVER_Server;
using Options = ::TRITONSERVER_ServerOptions;

enum class ErrorCode : std::int32_t {
  kUnknown = 0,
  kInternal = 1,
  kNotFound = 2,
  kInvalidArgument = 3,
  kUnavailable = 4,
  kUnsupported = 5,
  kAlreadyExists = 6,
  kCancelled = 7,
};
enum class ParameterType : std::int32_t {
  kString = 0,
  kInt = 1,
  kBool = 2,
  kDouble = 3,
  kBytes = 4,
};
enum class MetricFormat : std::int32_t { kPrometheus = 0 };

inline constexpr std::uint32_t kIndexReady = 1;
inline constexpr std::uint32_t kBatchFirstDim = 2;
inline constexpr std::uint32_t kTxnDecoupled = 2;
inline constexpr std::uint32_t kReleaseAll = 1;
inline constexpr std::uint32_t kResponseFinal = 1;

using AllocFn = Err*(Allocator*, const char* name, std::size_t byte_size, MemoryType preferred,
                     std::int64_t preferred_id, void* userp, void** buffer, void** buffer_userp,
                     MemoryType* actual, std::int64_t* actual_id);
using AllocReleaseFn = Err*(Allocator*, void* buffer, void* buffer_userp, std::size_t byte_size,
                            MemoryType type, std::int64_t id);
using AllocStartFn = Err*(Allocator*, void* userp);
using AllocQueryFn = Err*(Allocator*, void* userp, const char* name, std::size_t* byte_size,
                          MemoryType* type, std::int64_t* id);
using AllocAttributesFn = Err*(Allocator*, const char* name, Attributes*, void* userp,
                               void* buffer_userp);
using RequestReleaseFn = void(Request*, std::uint32_t flags, void* userp);
using ResponseFn = void(Response*, std::uint32_t flags, void* userp);
using TraceActivityFn = void(Trace*, TraceActivity, std::uint64_t timestamp_ns, void* userp);
using TraceTensorFn = void(Trace*, TraceActivity, const char* name, DataType, const void* base,
                           std::size_t byte_size, const std::int64_t* shape,
                           std::uint64_t dim_count, MemoryType, std::int64_t id, void* userp);
using TraceReleaseFn = void(Trace*, void* userp);

}  // namespace capi

template <typename Signature>
struct Function;

// One entry of the table. Calling a null entry is undefined: use call() for those not required.
template <typename R, typename... Args>
struct Function<R(Args...)> {
  R (*pointer)(Args...) = nullptr;
  const char* name = nullptr;

  explicit operator bool() const { return pointer != nullptr; }
  R operator()(Args... args) const { return pointer(args...); }
};

struct Api {
#define TFE_REQUIRED(name, ...) Function<__VA_ARGS__> name;
#define TFE_OPTIONAL(name, ...) Function<__VA_ARGS__> name;
#include "triton/api_functions.def"
#undef TFE_REQUIRED
#undef TFE_OPTIONAL
};

// Fills `api` from an opened library. Fails with kUnsupported naming the first required function
// that the library lacks; `path` is for that text only.
base::Status load_api(void* library, const std::string& path, Api* api);

// Turns the core's error object into a value and deletes it; null is success.
base::Status take_error(const Api& api, capi::Err* error);
// An error object for the core to take over, from a callback. Codes that the core does not know
// become its nearest one.
capi::Err* make_error(const Api& api, const base::Error& error);

base::Error missing_function(const char* name);

// Calls a function that reports failure through an error object.
template <typename... Params, typename... Args>
base::Status call(const Api& api, const Function<capi::Err*(Params...)>& function, Args... args) {
  if (!function) return std::unexpected(missing_function(function.name));
  return take_error(api, function(args...));
}

}  // namespace tfe::triton
