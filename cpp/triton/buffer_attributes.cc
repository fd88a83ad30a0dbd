#include "triton/buffer_attributes.h"

#include <utility>

namespace tfe::triton {

base::Result<BufferAttributes> BufferAttributes::create(const Api& api, std::size_t byte_size,
                                                        MemoryPlace place) {
  capi::Attributes* handle = nullptr;
  auto status = call(api, api.BufferAttributesNew, &handle);
  if (!status) return std::unexpected(std::move(status.error()));
  BufferAttributes attributes(api, handle);
  // The core leaves the size of a new object unset.
  status = call(api, api.BufferAttributesSetByteSize, handle, byte_size);
  if (status) status = call(api, api.BufferAttributesSetMemoryType, handle, place.type);
  if (status) status = call(api, api.BufferAttributesSetMemoryTypeId, handle, place.id);
  if (!status) return std::unexpected(std::move(status.error()));
  return attributes;
}

BufferAttributes::BufferAttributes(BufferAttributes&& other) noexcept
    : api_(other.api_), handle_(std::exchange(other.handle_, nullptr)) {}

BufferAttributes::~BufferAttributes() {
  if (handle_) (void)call(api_, api_.BufferAttributesDelete, handle_);
}

base::Status BufferAttributes::set_ipc_handle(const CudaIpcHandle& handle) {
  return triton::set_ipc_handle(api_, handle_, handle);
}

base::Status set_ipc_handle(const Api& api, capi::Attributes* attributes,
                            const CudaIpcHandle& handle) {
  // The C API takes it without const, and only reads it.
  auto* bytes = const_cast<std::byte*>(handle.data());
  return call(api, api.BufferAttributesSetCudaIpcHandle, attributes, static_cast<void*>(bytes));
}

}  // namespace tfe::triton
