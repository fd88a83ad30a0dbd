// Traces of inference requests at the level of the C API: the core tells a TraceObserver when a
// request was queued, computed and so on, and what its tensors held. One Trace belongs to one
// request; the requests that an ensemble or a model makes of it get child traces of their own,
// which report to the same observer.
//
// Ownership (C API header, "TRITONSERVER_InferenceTrace", and how the core behaves): a trace is
// ours until a request was sent with it, then the core's until its release callback, which comes
// when the request and all its responses are gone. A send that fails may or may not have released
// it; Trace knows.
//
// Thread rule: a Trace is used by one thread at a time; an observer is called by any thread of the
// core, also by several at once and before Request::send returned.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "triton/types.h"

struct TRITONSERVER_InferenceTrace;

namespace tfe::triton {

class Library;

// Bits of TRITONSERVER_InferenceTraceLevel.
inline constexpr std::uint32_t kTraceTimestamps = 4;
inline constexpr std::uint32_t kTraceTensors = 8;

// TRITONSERVER_InferenceTraceActivity.
enum class TraceActivity : std::int32_t {
  kRequestStart = 0,
  kQueueStart = 1,
  kComputeStart = 2,
  kComputeInputEnd = 3,
  kComputeOutputStart = 4,
  kComputeEnd = 5,
  kRequestEnd = 6,
  kTensorQueueInput = 7,
  kTensorBackendInput = 8,
  kTensorBackendOutput = 9,
  kCustom = 10,
};

// Without its prefix, as in trace files: "REQUEST_START". "UNKNOWN" for what no header names yet.
std::string_view activity_name(TraceActivity activity);

// The request that an event is about; views are valid during the call.
struct TraceSource {
  std::uint64_t id = 0;         // unique in the process, from 1
  std::uint64_t parent_id = 0;  // of the ensemble or calling model; 0: the client's request
  std::string_view model_name;
  std::int64_t model_version = 0;
  std::string_view request_id;
};

struct TracedTensor {
  std::string_view name;
  DataType datatype = DataType::kInvalid;
  std::span<const std::int64_t> shape;
  base::Bytes data;  // in `place`
  MemoryPlace place;
};

class TraceObserver {
 public:
  virtual ~TraceObserver() = default;
  // `name` is that of the activity, or what the backend calls a custom one.
  virtual void on_activity(const TraceSource& source, std::string_view name,
                           std::uint64_t timestamp_ns) = 0;
  virtual void on_tensor(const TraceSource& source, TraceActivity activity,
                         const TracedTensor& tensor) = 0;
};

class Trace {
 public:
  // Levels are a set of the bits above. `context`, unless empty, is a JSON object that backends
  // can read from the request's trace, by convention with "traceparent" and "tracestate"; cores
  // before 1.29 keep it from them. kUnsupported if the core cannot trace. The observer is kept
  // until the last trace of the request and its children is released.
  static base::Result<Trace> create(const Library& library, std::uint32_t levels,
                                    std::string context, std::shared_ptr<TraceObserver> observer);
  Trace(Trace&& other) noexcept;
  Trace& operator=(Trace&& other) noexcept;
  // Releases it, unless the core has it.
  ~Trace();

  std::uint64_t id() const { return id_; }

  // Traces of this process, children included, that the core or a Trace still holds.
  static std::size_t alive();

 private:
  friend class RequestContext;
  Trace(const Library& library, TRITONSERVER_InferenceTrace* handle, std::uint64_t id,
        std::uintptr_t family);
  void reset();
  // The core has it now.
  void forget() { handle_ = nullptr; }

  const Library* library_;
  TRITONSERVER_InferenceTrace* handle_;
  std::uint64_t id_;
  std::uintptr_t family_;
};

}  // namespace tfe::triton
