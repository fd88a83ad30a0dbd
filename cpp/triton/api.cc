#include "triton/api.h"

#include <dlfcn.h>

namespace tfe::triton {

namespace {

template <typename R, typename... Args>
void resolve(void* library, const char* name, Function<R(Args...)>* function) {
  function->name = name;
  function->pointer = reinterpret_cast<R (*)(Args...)>(dlsym(library, name));
}

base::Code code_of(capi::ErrorCode code) {
  switch (code) {
    case capi::ErrorCode::kUnknown:
      return base::Code::kUnknown;
    case capi::ErrorCode::kInternal:
      return base::Code::kInternal;
    case capi::ErrorCode::kNotFound:
      return base::Code::kNotFound;
    case capi::ErrorCode::kInvalidArgument:
      return base::Code::kInvalidArgument;
    case capi::ErrorCode::kUnavailable:
      return base::Code::kUnavailable;
    case capi::ErrorCode::kUnsupported:
      return base::Code::kUnsupported;
    case capi::ErrorCode::kAlreadyExists:
      return base::Code::kAlreadyExists;
    case capi::ErrorCode::kCancelled:
      return base::Code::kCancelled;
  }
  return base::Code::kUnknown;
}

capi::ErrorCode core_code(base::Code code) {
  switch (code) {
    case base::Code::kUnknown:
      return capi::ErrorCode::kUnknown;
    case base::Code::kInternal:
      return capi::ErrorCode::kInternal;
    case base::Code::kNotFound:
      return capi::ErrorCode::kNotFound;
    case base::Code::kInvalidArgument:
    case base::Code::kPermissionDenied:
      return capi::ErrorCode::kInvalidArgument;
    case base::Code::kUnavailable:
    case base::Code::kResourceExhausted:
    case base::Code::kDeadlineExceeded:
    case base::Code::kElsewhere:
      return capi::ErrorCode::kUnavailable;
    case base::Code::kUnsupported:
      return capi::ErrorCode::kUnsupported;
    case base::Code::kAlreadyExists:
      return capi::ErrorCode::kAlreadyExists;
    case base::Code::kCancelled:
      return capi::ErrorCode::kCancelled;
  }
  return capi::ErrorCode::kUnknown;
}

}  // namespace

base::Status load_api(void* library, const std::string& path, Api* api) {
  const char* missing = nullptr;
#define TFE_OPTIONAL(function, ...) resolve(library, "TRITONSERVER_" #function, &api->function);
#define TFE_REQUIRED(function, ...)                            \
  resolve(library, "TRITONSERVER_" #function, &api->function); \
  if (!api->function && !missing) missing = api->function.name;
#include "triton/api_functions.def"
#undef TFE_OPTIONAL
#undef TFE_REQUIRED
  if (missing) {
    return base::fail(base::Code::kUnsupported,
                      path + " is not a usable Triton core: it has no function " + missing);
  }
  return {};
}

base::Status take_error(const Api& api, capi::Err* error) {
  if (!error) return {};
  const char* text = api.ErrorMessage(error);
  base::Error value{code_of(api.ErrorCode(error)), text ? text : ""};
  api.ErrorDelete(error);
  return std::unexpected(std::move(value));
}

capi::Err* make_error(const Api& api, const base::Error& error) {
  return api.ErrorNew(core_code(error.code), error.message.c_str());
}

base::Error missing_function(const char* name) {
  return {
      base::Code::kUnsupported,
      std::string("not supported by this version of the Triton core: it has no function ") + name};
}

}  // namespace tfe::triton
