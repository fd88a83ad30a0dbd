// Response of inference.h: a view of the core's response object. Calls that cannot fail on a live
// object give an empty value if the core refuses all the same.
#include <utility>

#include "triton/inference.h"
#include "triton/library.h"
#include "triton/server.h"

namespace tfe::triton {

namespace {

std::string_view view(const char* text) { return text ? std::string_view(text) : ""; }

base::Result<ParameterValue> parameter_value(capi::ParameterType type, const void* value) {
  switch (type) {
    case capi::ParameterType::kString:
      return std::string(static_cast<const char*>(value));
    case capi::ParameterType::kInt:
      return *static_cast<const std::int64_t*>(value);
    case capi::ParameterType::kBool:
      return *static_cast<const bool*>(value);
    case capi::ParameterType::kDouble:
      return *static_cast<const double*>(value);
    case capi::ParameterType::kBytes:
      break;
  }
  return base::fail(base::Code::kUnsupported,
                    "Response parameter of type 'TRITONSERVER_PARAMETER_BYTES' is not currently "
                    "supported");
}

}  // namespace

Response::Response(std::shared_ptr<Server> server, TRITONSERVER_InferenceResponse* handle)
    : server_(std::move(server)), handle_(handle) {}

Response::Response(Response&& other) noexcept
    : server_(std::move(other.server_)), handle_(std::exchange(other.handle_, nullptr)) {}

Response& Response::operator=(Response&& other) noexcept {
  if (this != &other) {
    reset();
    server_ = std::move(other.server_);
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

Response::~Response() { reset(); }

void Response::reset() {
  if (!handle_) return;
  (void)call(api(), api().InferenceResponseDelete, std::exchange(handle_, nullptr));
}

const Api& Response::api() const { return server_->library().api(); }

base::Status Response::status() const {
  // The core makes a new error object for every call, whatever its header says.
  return take_error(api(), api().InferenceResponseError(handle_));
}

std::string_view Response::model_name() const {
  const char* name = nullptr;
  std::int64_t version = 0;
  (void)call(api(), api().InferenceResponseModel, handle_, &name, &version);
  return view(name);
}

std::int64_t Response::model_version() const {
  const char* name = nullptr;
  std::int64_t version = 0;
  (void)call(api(), api().InferenceResponseModel, handle_, &name, &version);
  return version;
}

std::string_view Response::id() const {
  const char* id = nullptr;
  (void)call(api(), api().InferenceResponseId, handle_, &id);
  return view(id);
}

std::size_t Response::output_count() const {
  std::uint32_t count = 0;
  (void)call(api(), api().InferenceResponseOutputCount, handle_, &count);
  return count;
}

base::Result<OutputView> Response::output(std::size_t index) const {
  const char* name = nullptr;
  const std::int64_t* shape = nullptr;
  std::uint64_t dim_count = 0;
  const void* data = nullptr;
  std::size_t byte_size = 0;
  void* userp = nullptr;
  OutputView output;
  auto status = call(api(), api().InferenceResponseOutput, handle_,
                     static_cast<std::uint32_t>(index), &name, &output.datatype, &shape, &dim_count,
                     &data, &byte_size, &output.place.type, &output.place.id, &userp);
  if (!status) return std::unexpected(std::move(status.error()));
  output.name = view(name);
  output.shape = {shape, dim_count};
  output.data = {static_cast<const std::byte*>(data), data ? byte_size : 0};
  return output;
}

std::string_view Response::label(std::size_t output_index, std::size_t class_index) const {
  const char* label = nullptr;
  (void)call(api(), api().InferenceResponseOutputClassificationLabel, handle_,
             static_cast<std::uint32_t>(output_index), class_index, &label);
  return view(label);
}

base::Result<std::vector<Parameter>> Response::parameters() const {
  std::vector<Parameter> parameters;
  if (!api().InferenceResponseParameterCount) return parameters;
  std::uint32_t count = 0;
  auto status = call(api(), api().InferenceResponseParameterCount, handle_, &count);
  for (std::uint32_t i = 0; status && i < count; ++i) {
    const char* name = nullptr;
    capi::ParameterType type{};
    const void* value = nullptr;
    status = call(api(), api().InferenceResponseParameter, handle_, i, &name, &type, &value);
    if (!status) break;
    auto converted = parameter_value(type, value);
    if (!converted) return std::unexpected(std::move(converted.error()));
    parameters.push_back({std::string(view(name)), std::move(*converted)});
  }
  if (!status) return std::unexpected(std::move(status.error()));
  return parameters;
}

}  // namespace tfe::triton
