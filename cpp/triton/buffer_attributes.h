// What the core is told about a piece of memory besides its address: size, place, and the handle by
// which other processes open it. Inputs hand over a whole object; for outputs the core has one.
#pragma once

#include <cstddef>

#include "base/status.h"
#include "triton/api.h"

namespace tfe::triton {

class BufferAttributes {
 public:
  // `api` must outlive it. kUnsupported if the core is too old to know attributes.
  static base::Result<BufferAttributes> create(const Api& api, std::size_t byte_size,
                                               MemoryPlace place);
  BufferAttributes(BufferAttributes&& other) noexcept;
  BufferAttributes& operator=(BufferAttributes&&) = delete;
  ~BufferAttributes();

  base::Status set_ipc_handle(const CudaIpcHandle& handle);
  capi::Attributes* get() { return handle_; }

 private:
  BufferAttributes(const Api& api, capi::Attributes* handle) : api_(api), handle_(handle) {}

  const Api& api_;
  capi::Attributes* handle_;
};

// Copies the handle into attributes of the core's.
base::Status set_ipc_handle(const Api& api, capi::Attributes* attributes,
                            const CudaIpcHandle& handle);

}  // namespace tfe::triton
