// One inference at the level of the C API: Request is built, sent, and answered through an
// Observer.
//
// Two ends are independent (C API header, "request release" and "final response"): the core may
// release the request before or long after the final response. The Observer and the memory behind
// the inputs (Request::keep) therefore live until both have happened, then are released at one
// line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "triton/trace.h"
#include "triton/types.h"

struct TRITONSERVER_InferenceRequest;
struct TRITONSERVER_InferenceResponse;

namespace tfe::triton {

class Server;
struct Api;

struct OutputView {
  std::string_view name;
  DataType datatype = DataType::kInvalid;
  std::span<const std::int64_t> shape;
  base::Bytes
      data;  // null for zero bytes; in `place`, which is CPU unless allocate() said otherwise
  MemoryPlace place;
};

// One response of the core. Movable; deleting it gives the output memory back. Views are valid
// while it lives. Holds the server.
class Response {
 public:
  Response(std::shared_ptr<Server> server, TRITONSERVER_InferenceResponse* handle);
  Response(Response&&) noexcept;
  Response& operator=(Response&&) noexcept;
  ~Response();

  // The error of a failed inference; outputs must not be read then.
  base::Status status() const;
  std::string_view model_name() const;
  std::int64_t model_version() const;
  std::string_view id() const;
  std::size_t output_count() const;
  base::Result<OutputView> output(std::size_t index) const;
  // The label of a class, empty if the model has none.
  std::string_view label(std::size_t output_index, std::size_t class_index) const;
  // Fails with kUnsupported for a parameter of type BYTES.
  base::Result<std::vector<Parameter>> parameters() const;

 private:
  const Api& api() const;
  void reset();

  std::shared_ptr<Server> server_;
  TRITONSERVER_InferenceResponse* handle_;
};

struct OutputBuffer {
  void* data = nullptr;
  MemoryPlace place;
  // Of device memory that another process made; read until the final response.
  const CudaIpcHandle* ipc_handle = nullptr;
};

// Called by threads of the core and of backends, also before Request::send returned and on the
// calling thread (response cache). Must be short and must not call Server::stop.
class Observer {
 public:
  virtual ~Observer() = default;
  // Memory for an output of `byte_size` > 0 bytes. The default takes pooled, 64-byte aligned CPU
  // memory and is the right answer unless the client named a shared-memory region; an override
  // returns memory that it owns itself, or nullopt for the default.
  virtual base::Result<std::optional<OutputBuffer>> allocate(std::string_view output,
                                                             std::size_t byte_size) {
    (void)output;
    (void)byte_size;
    return std::nullopt;
  }
  // Where allocate() would put an output, for backends that ask before they have its contents; the
  // size is not always known yet. The default is CPU memory.
  virtual MemoryPlace place_of(std::string_view output, std::optional<std::size_t> byte_size) {
    (void)output;
    (void)byte_size;
    return {};
  }
  // `response` is empty for a bare final flag. Exactly one call per request has `final` set, and it
  // is the last: it begins when all others have returned, which may have come on several threads at
  // once.
  virtual void on_response(std::optional<Response> response, bool final) = 0;
};

// Lets a client that went away stop the work. Safe at any time, also after completion.
class Cancellation {
 public:
  virtual ~Cancellation() = default;
  virtual void cancel() = 0;
};

class Request {
 public:
  // Resolves model and version; -1 is the model's version policy.
  static base::Result<Request> create(std::shared_ptr<Server> server, const std::string& model,
                                      std::int64_t version);
  Request(Request&&) noexcept;
  Request& operator=(Request&&) noexcept;
  ~Request();

  base::Status set_id(const std::string& id);
  base::Status set_flags(std::uint32_t flags);
  base::Status set_correlation_id(std::uint64_t id);
  base::Status set_correlation_id(const std::string& id);
  base::Status set_priority(std::uint64_t priority);
  base::Status set_timeout_us(std::uint64_t timeout);
  base::Status set_parameter(const Parameter& parameter);
  base::Status add_input(const std::string& name, DataType type,
                         std::span<const std::int64_t> shape);
  // The model's only input, shape and type deduced from its configuration.
  base::Status add_raw_input(const std::string& name);
  // Not copied; must stay valid until released, see keep(). Zero bytes are ignored by the core.
  base::Status append_input(const std::string& name, base::Bytes data, MemoryPlace place = {});
  // Device memory of another process, with the handle by which a backend's own processes open it.
  base::Status append_device_input(const std::string& name, base::Bytes data, MemoryPlace place,
                                   const CudaIpcHandle& handle);
  base::Status add_output(const std::string& name);
  // The core reports to the trace's observer. Kept, and released with the request, until sent.
  void set_trace(Trace trace) { trace_ = std::move(trace); }
  // Keeps input memory alive until the core has released the request.
  void keep(base::Owner owner);

  // Hands the request to the core. On failure no callback was or will be made. The observer is kept
  // until both ends are reached.
  base::Result<std::shared_ptr<Cancellation>> send(std::shared_ptr<Observer> observer) &&;

 private:
  Request(std::shared_ptr<Server> server, TRITONSERVER_InferenceRequest* handle, std::string model);
  const Api& api() const;
  void reset();

  std::shared_ptr<Server> server_;
  TRITONSERVER_InferenceRequest* handle_;
  std::string model_;
  std::vector<base::Owner> kept_;
  std::optional<Trace> trace_;
};

}  // namespace tfe::triton
