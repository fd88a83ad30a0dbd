#include "triton/inference.h"

#include "triton/buffer_attributes.h"
#include "triton/library.h"
#include "triton/request_context.h"

namespace tfe::triton {

namespace {

base::Status stopped_error() { return base::fail(base::Code::kUnavailable, "Server not ready"); }

thread_local int callback_depth = 0;

class CallbackScope {
 public:
  CallbackScope() { ++callback_depth; }
  ~CallbackScope() { --callback_depth; }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
};

}  // namespace

bool in_callback() { return callback_depth > 0; }

const Api& RequestContext::api() const { return server_->library().api(); }

base::Status RequestContext::send(const std::shared_ptr<RequestContext>& context, Trace* trace) {
  if (context->server_->stopped()) return stopped_error();
  if (auto status = context->bind_callbacks(); !status) return status;
  // Callbacks may run, and finish() may drop self_, before the call returns.
  context->self_ = context;
  context->activity_.emplace(context->server_->activity(), context->model_);
  context->sent_at_ = base::Clock::now();
  const Api& api = context->api();
  auto status = call(api, api.ServerInferAsync, context->server_->handle_, context->handle_,
                     trace != nullptr ? trace->handle_ : nullptr);
  if (!status) {
    context->server_->outcomes().failed();
    context->activity_.reset();
    context->self_.reset();
  } else if (trace != nullptr) {
    trace->forget();
  }
  return status;
}

base::Status RequestContext::bind_callbacks() {
  auto status = call(api(), api().InferenceRequestSetReleaseCallback, handle_, &on_release,
                     static_cast<void*>(this));
  if (!status) return status;
  return call(api(), api().InferenceRequestSetResponseCallback, handle_,
              server_->library().allocator(), static_cast<void*>(this), &on_response,
              static_cast<void*>(this));
}

void RequestContext::on_release(TRITONSERVER_InferenceRequest*, std::uint32_t flags, void* userp) {
  // Without ALL the core goes on with the request (iterative sequences): keep everything.
  if ((flags & capi::kReleaseAll) == 0) return;
  CallbackScope scope;
  auto* context = static_cast<RequestContext*>(userp);
  context->kept_.clear();
  context->drop_use();
}

void RequestContext::on_response(TRITONSERVER_InferenceResponse* handle, std::uint32_t flags,
                                 void* userp) {
  CallbackScope scope;
  auto* context = static_cast<RequestContext*>(userp);
  std::optional<Response> response;
  if (handle) response.emplace(context->server_, handle);
  if ((flags & capi::kResponseFinal) != 0) {
    context->last_ = std::move(response);
  } else {
    // False after the final one was delivered, which no backend should do.
    if (!context->enter_delivery()) return;
    if (response) context->note(*response);
    context->activity_->progress();
    context->observer_->on_response(std::move(response), false);
  }
  context->leave_delivery();
}

bool RequestContext::enter_delivery() {
  std::uint32_t inside = deliveries_.load(std::memory_order_relaxed);
  do {
    if (inside == 0) return false;
  } while (!deliveries_.compare_exchange_weak(inside, inside + 1, std::memory_order_acquire,
                                              std::memory_order_relaxed));
  return true;
}

void RequestContext::leave_delivery() {
  if (deliveries_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (last_) note(*last_);
  // A client that has its answer must not find the model busy with it.
  count_end();
  activity_.reset();
  observer_->on_response(std::exchange(last_, std::nullopt), true);
  observer_.reset();
  drop_use();
}

void RequestContext::note(const Response& response) {
  const auto status = response.status();
  if (status) return;
  const bool cancelled = status.error().code == base::Code::kCancelled;
  outcome_.store(cancelled ? Outcome::kCancelled : Outcome::kFailed, std::memory_order_relaxed);
}

void RequestContext::count_end() {
  switch (outcome_.load(std::memory_order_relaxed)) {
    case Outcome::kNoError:
      activity_->succeeded();
      return server_->outcomes().succeeded(base::Clock::now() - sent_at_);
    case Outcome::kFailed:
      return server_->outcomes().failed();
    case Outcome::kCancelled:
      return;
  }
}

void RequestContext::cancel() {
  std::uint32_t uses = uses_.load(std::memory_order_relaxed);
  do {
    if (uses == 0) return;  // over: the request may be deleted already
  } while (!uses_.compare_exchange_weak(uses, uses + 1, std::memory_order_acquire,
                                        std::memory_order_relaxed));
  // Older cores cannot cancel: the work then runs to its end, unheard.
  (void)call(api(), api().InferenceRequestCancel, handle_);
  drop_use();
}

void RequestContext::drop_use() {
  if (uses_.fetch_sub(1, std::memory_order_acq_rel) == 1) finish();
}

void RequestContext::finish() {
  (void)call(api(), api().InferenceRequestDelete, handle_);
  server_->request_ended();
  const std::shared_ptr<Server> server = std::move(server_);
  const std::shared_ptr<RequestContext> self = std::move(self_);
}

Request::Request(std::shared_ptr<Server> server, TRITONSERVER_InferenceRequest* handle,
                 std::string model)
    : server_(std::move(server)), handle_(handle), model_(std::move(model)) {}

base::Result<Request> Request::create(std::shared_ptr<Server> server, const std::string& model,
                                      std::int64_t version) {
  // Counted before the check: stop() looks at the count after it has set the mark.
  server->request_began();
  if (server->stopped()) {
    server->request_ended();
    return std::unexpected(stopped_error().error());
  }
  const Api& api = server->library().api();
  TRITONSERVER_InferenceRequest* handle = nullptr;
  auto status =
      call(api, api.InferenceRequestNew, &handle, server->handle_, model.c_str(), version);
  if (!status) {
    server->request_ended();
    return std::unexpected(server->explain(std::move(status.error())));
  }
  return Request(std::move(server), handle, model);
}

Request::Request(Request&& other) noexcept
    : server_(std::move(other.server_)),
      handle_(std::exchange(other.handle_, nullptr)),
      model_(std::move(other.model_)),
      kept_(std::move(other.kept_)),
      trace_(std::move(other.trace_)) {}

Request& Request::operator=(Request&& other) noexcept {
  if (this != &other) {
    reset();
    server_ = std::move(other.server_);
    handle_ = std::exchange(other.handle_, nullptr);
    model_ = std::move(other.model_);
    kept_ = std::move(other.kept_);
    trace_ = std::move(other.trace_);
  }
  return *this;
}

Request::~Request() { reset(); }

void Request::reset() {
  if (!handle_) return;
  (void)call(api(), api().InferenceRequestDelete, std::exchange(handle_, nullptr));
  server_->request_ended();
  kept_.clear();
  trace_.reset();  // after the request, which may hold it still
}

const Api& Request::api() const { return server_->library().api(); }

base::Status Request::set_id(const std::string& id) {
  return call(api(), api().InferenceRequestSetId, handle_, id.c_str());
}

base::Status Request::set_flags(std::uint32_t flags) {
  return call(api(), api().InferenceRequestSetFlags, handle_, flags);
}

base::Status Request::set_correlation_id(std::uint64_t id) {
  return call(api(), api().InferenceRequestSetCorrelationId, handle_, id);
}

base::Status Request::set_correlation_id(const std::string& id) {
  return call(api(), api().InferenceRequestSetCorrelationIdString, handle_, id.c_str());
}

base::Status Request::set_priority(std::uint64_t priority) {
  return call(api(), api().InferenceRequestSetPriorityUInt64, handle_, priority);
}

base::Status Request::set_timeout_us(std::uint64_t timeout) {
  return call(api(), api().InferenceRequestSetTimeoutMicroseconds, handle_, timeout);
}

base::Status Request::set_parameter(const Parameter& parameter) {
  const char* name = parameter.name.c_str();
  if (const auto* flag = std::get_if<bool>(&parameter.value)) {
    return call(api(), api().InferenceRequestSetBoolParameter, handle_, name, *flag);
  }
  if (const auto* integer = std::get_if<std::int64_t>(&parameter.value)) {
    return call(api(), api().InferenceRequestSetIntParameter, handle_, name, *integer);
  }
  if (const auto* number = std::get_if<double>(&parameter.value)) {
    return call(api(), api().InferenceRequestSetDoubleParameter, handle_, name, *number);
  }
  return call(api(), api().InferenceRequestSetStringParameter, handle_, name,
              std::get<std::string>(parameter.value).c_str());
}

base::Status Request::add_input(const std::string& name, DataType type,
                                std::span<const std::int64_t> shape) {
  return call(api(), api().InferenceRequestAddInput, handle_, name.c_str(), type, shape.data(),
              shape.size());
}

base::Status Request::add_raw_input(const std::string& name) {
  return call(api(), api().InferenceRequestAddRawInput, handle_, name.c_str());
}

base::Status Request::append_input(const std::string& name, base::Bytes data, MemoryPlace place) {
  return call(api(), api().InferenceRequestAppendInputData, handle_, name.c_str(),
              static_cast<const void*>(data.data()), data.size(), place.type, place.id);
}

base::Status Request::append_device_input(const std::string& name, base::Bytes data,
                                          MemoryPlace place, const CudaIpcHandle& handle) {
  auto attributes = BufferAttributes::create(api(), data.size(), place);
  if (!attributes) return std::unexpected(std::move(attributes.error()));
  if (auto status = attributes->set_ipc_handle(handle); !status) return status;
  // The core copies the attributes.
  return call(api(), api().InferenceRequestAppendInputDataWithBufferAttributes, handle_,
              name.c_str(), static_cast<const void*>(data.data()), attributes->get());
}

base::Status Request::add_output(const std::string& name) {
  return call(api(), api().InferenceRequestAddRequestedOutput, handle_, name.c_str());
}

void Request::keep(base::Owner owner) { kept_.push_back(std::move(owner)); }

base::Result<std::shared_ptr<Cancellation>> Request::send(std::shared_ptr<Observer> observer) && {
  Request request = std::move(*this);
  auto context =
      std::make_shared<RequestContext>(request.server_, request.handle_, std::move(request.model_),
                                       std::move(observer), std::move(request.kept_));
  Trace* trace = request.trace_ ? &*request.trace_ : nullptr;
  if (auto status = RequestContext::send(context, trace); !status) {
    return std::unexpected(std::move(status.error()));
  }
  request.handle_ = nullptr;  // the context's now, or deleted already
  return context;
}

}  // namespace tfe::triton
