#include "triton/cuda_runtime.h"

#include <dlfcn.h>

#include <limits>
#include <memory>
#include <mutex>

#include "triton/loader.h"

namespace tfe::triton {

namespace {

// Newest first. The last one is where CUDA's installer puts it, which not every machine's loader
// looks through.
const std::vector<std::string>& usual_names() {
  static const std::vector<std::string> names = {"libcudart.so.13", "libcudart.so.12",
                                                 "libcudart.so.11.0", "libcudart.so",
                                                 "/usr/local/cuda/lib64/libcudart.so"};
  return names;
}

constexpr const char* kDriver = "libcuda.so.1";
// The name under which the driver exports its 64-bit form.
constexpr const char* kAddressRange = "cuMemGetAddressRange_v2";
// cudaIpcMemLazyEnablePeerAccess, the only flag that cudaIpcOpenMemHandle takes.
constexpr unsigned kLazyPeerAccess = 1;

template <typename F>
bool resolve(void* library, const char* name, F** function) {
  *function = reinterpret_cast<F*>(::dlsym(library, name));
  return *function != nullptr;
}

base::Error lacks(const std::string& library, const char* function) {
  return {base::Code::kUnsupported, "'" + library + "' has no function " + function};
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

// The current device belongs to the thread, which may be one of the core's.
class CudaRuntime::DeviceScope {
 public:
  DeviceScope(const CudaRuntime& runtime, int device) : runtime_(runtime) {
    changed_ = runtime_.get_device_(&before_) == 0 && before_ != device;
    status_ =
        runtime_.check(runtime_.set_device_(device), base::Code::kInvalidArgument, "cudaSetDevice");
  }
  ~DeviceScope() {
    if (changed_) (void)runtime_.set_device_(before_);
  }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  const base::Status& status() const { return status_; }

 private:
  const CudaRuntime& runtime_;
  int before_ = 0;
  bool changed_ = false;
  base::Status status_;
};

base::Result<const CudaRuntime*> CudaRuntime::find() {
  static std::mutex mutex;
  static const CudaRuntime* found = nullptr;  // kept: nothing here is ever unloaded
  std::lock_guard lock(mutex);
  if (found) return found;
  std::vector<std::string> libraries = loaded_libraries("libcudart");
  libraries.insert(libraries.end(), usual_names().begin(), usual_names().end());
  auto runtime = open(libraries);
  if (!runtime) return std::unexpected(std::move(runtime.error()));
  found = new CudaRuntime(*runtime);
  return found;
}

base::Result<CudaRuntime> CudaRuntime::open(const std::vector<std::string>& libraries) {
  base::Error error{base::Code::kUnsupported,
                    "no CUDA runtime library was found (looked for " + listed(libraries) + ")"};
  for (const std::string& name : libraries) {
    void* library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) continue;
    CudaRuntime runtime;
    if (auto status = runtime.bind(library, name); status)
      return runtime;
    else
      error = std::move(status.error());
  }
  return std::unexpected(std::move(error));
}

base::Status CudaRuntime::bind(void* library, const std::string& name) {
  const char* missing = nullptr;
  const auto take = [&](const char* function, auto** pointer) {
    if (!resolve(library, function, pointer) && !missing) missing = function;
  };
  take("cudaGetDevice", &get_device_);
  take("cudaSetDevice", &set_device_);
  take("cudaGetLastError", &get_last_error_);
  take("cudaGetErrorString", &get_error_string_);
  take("cudaIpcOpenMemHandle", &ipc_open_);
  take("cudaIpcCloseMemHandle", &ipc_close_);
  if (missing) return std::unexpected(lacks(name, missing));
  // A runtime may be linked with the driver.
  if (resolve(library, kAddressRange, &get_address_range_)) return {};
  return bind_driver(::dlopen(kDriver, RTLD_NOW | RTLD_LOCAL), kDriver);
}

base::Status CudaRuntime::bind_driver(void* library, const std::string& name) {
  if (!library) {
    return base::fail(base::Code::kUnsupported,
                      "the library of the NVIDIA driver, " + name + ", was not found");
  }
  if (!resolve(library, kAddressRange, &get_address_range_)) {
    return std::unexpected(lacks(name, kAddressRange));
  }
  return {};
}

base::Status CudaRuntime::check(int error, base::Code code, const char* function) const {
  if (error == 0) return {};
  // Otherwise the next call of this thread, perhaps one of the core's, would report it as its own.
  (void)get_last_error_();
  const char* text = get_error_string_(error);
  return base::fail(
      code, std::string(function) + ": " + (text ? text : "error " + std::to_string(error)));
}

base::Result<CudaMapping> CudaRuntime::open_memory(const CudaIpcHandle& handle,
                                                   std::uint64_t device) const {
  if (device > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    return base::fail(base::Code::kInvalidArgument, "there is no device " + std::to_string(device));
  }
  CudaMapping mapping{.data = nullptr, .size = 0, .device = static_cast<int>(device)};
  DeviceScope scope(*this, mapping.device);
  if (!scope.status()) return std::unexpected(scope.status().error());
  void* pointer = nullptr;
  auto status = check(ipc_open_(&pointer, {handle}, kLazyPeerAccess), base::Code::kInvalidArgument,
                      "cudaIpcOpenMemHandle");
  if (!status) return std::unexpected(std::move(status.error()));
  mapping.data = static_cast<std::byte*>(pointer);
  std::uintptr_t start = 0;
  std::size_t size = 0;
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  // The driver's codes are not the runtime's, so it has no text for them.
  if (const int error = get_address_range_(&start, &size, address); error != 0) {
    (void)ipc_close_(pointer);
    return base::fail(base::Code::kInvalidArgument,
                      "cuMemGetAddressRange: error " + std::to_string(error));
  }
  mapping.size = size - (address - start);
  return mapping;
}

base::Status CudaRuntime::close_memory(const CudaMapping& mapping) const {
  DeviceScope scope(*this, mapping.device);
  return check(ipc_close_(mapping.data), base::Code::kInternal, "cudaIpcCloseMemHandle");
}

}  // namespace tfe::triton
