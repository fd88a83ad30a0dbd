// The CUDA runtime, as far as device memory of other processes needs it, opened at run time: the
// project is built, and runs, without CUDA.
//
// Thread rule: any thread. Every call sets the calling thread's current device for its own duration
// only. Calls may block for as long as the driver likes: keep them off loop threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "triton/types.h"

namespace tfe::triton {

// Device memory of another process, opened in this one.
struct CudaMapping {
  std::byte* data = nullptr;  // never to be touched by the CPU
  std::size_t size = 0;       // of the whole allocation
  int device = 0;
};

class CudaRuntime {
 public:
  // Of a process: a runtime that is loaded already (that of the core, of a framework), or the first
  // of the usual names that the dynamic loader finds. Once found it stays; until then each call
  // looks again. Fails with kUnsupported, saying what is missing.
  static base::Result<const CudaRuntime*> find();
  // The first of these libraries that can be opened and has every function; for tests too.
  static base::Result<CudaRuntime> open(const std::vector<std::string>& libraries);

  // Fails with kInvalidArgument and the runtime's text. The same handle may be opened several
  // times; each mapping is closed once.
  base::Result<CudaMapping> open_memory(const CudaIpcHandle& handle, std::uint64_t device) const;
  // kInternal with the runtime's text.
  base::Status close_memory(const CudaMapping& mapping) const;

 private:
  // cudaIpcMemHandle_t is passed by value.
  struct Handle {
    CudaIpcHandle bytes;
  };
  class DeviceScope;

  base::Status bind(void* library, const std::string& name);
  base::Status bind_driver(void* library, const std::string& name);
  base::Status check(int error, base::Code code, const char* function) const;

  int (*get_device_)(int* device) = nullptr;
  int (*set_device_)(int device) = nullptr;
  int (*get_last_error_)() = nullptr;
  const char* (*get_error_string_)(int error) = nullptr;
  int (*ipc_open_)(void** pointer, Handle handle, unsigned flags) = nullptr;
  int (*ipc_close_)(void* pointer) = nullptr;
  // Of the driver: the runtime has nothing that tells the size of an allocation.
  int (*get_address_range_)(std::uintptr_t* base, std::size_t* size,
                            std::uintptr_t pointer) = nullptr;
};

}  // namespace tfe::triton
