#include "triton/allocator.h"

#include "base/buffer_pool.h"
#include "triton/buffer_attributes.h"
#include "triton/request_context.h"

namespace tfe::triton {

namespace {

// The buffer userp of blocks from the pool. Memory of an observer has its IPC handle there, or
// none.
void* pooled_mark() {
  static char mark;
  return &mark;
}

base::Result<OutputBuffer> allocate(RequestContext& context, const char* name,
                                    std::size_t byte_size, void** buffer_userp) {
  auto chosen = context.observer().allocate(name ? name : "", byte_size);
  if (!chosen) return std::unexpected(std::move(chosen.error()));
  if (*chosen) return **chosen;
  base::PooledBuffer block = base::BufferPool::global().take(byte_size);
  if (!block) {
    return base::fail(base::Code::kUnavailable,
                      "out of memory: cannot allocate " + std::to_string(byte_size) +
                          " bytes for output '" + (name ? name : "") + "'");
  }
  *buffer_userp = pooled_mark();
  return OutputBuffer{block.release(), {}};
}

// Zero bytes: a null buffer is what the core expects, and it makes no release call for one.
capi::Err* on_alloc(capi::Allocator*, const char* name, std::size_t byte_size, MemoryType,
                    std::int64_t, void* userp, void** buffer, void** buffer_userp,
                    MemoryType* actual, std::int64_t* actual_id) {
  auto& context = *static_cast<RequestContext*>(userp);
  *buffer = nullptr;
  *buffer_userp = nullptr;
  *actual = MemoryType::kCpu;
  *actual_id = 0;
  if (byte_size == 0) return nullptr;
  auto output = allocate(context, name, byte_size, buffer_userp);
  if (!output) return make_error(context.api(), output.error());
  *buffer = output->data;
  if (output->ipc_handle) *buffer_userp = const_cast<CudaIpcHandle*>(output->ipc_handle);
  *actual = output->place.type;
  *actual_id = output->place.id;
  return nullptr;
}

capi::Err* on_free(capi::Allocator*, void* buffer, void* buffer_userp, std::size_t byte_size,
                   MemoryType, std::int64_t) {
  if (buffer_userp == pooled_mark()) {
    base::BufferPool::global().give_back(static_cast<std::byte*>(buffer), byte_size);
  }
  return nullptr;
}

// Backends ask before they allocate; without an answer they assume CPU but log about it.
capi::Err* on_query(capi::Allocator*, void* userp, const char* name, std::size_t* byte_size,
                    MemoryType* type, std::int64_t* id) {
  MemoryPlace place;
  if (userp && name) {
    const auto size = byte_size ? std::optional(*byte_size) : std::nullopt;
    place = static_cast<RequestContext*>(userp)->observer().place_of(name, size);
  }
  *type = place.type;
  *id = place.id;
  return nullptr;
}

// Called after on_alloc. Size and place are what on_alloc reported; only the handle is asked for.
capi::Err* on_attributes(capi::Allocator*, const char*, capi::Attributes* attributes, void* userp,
                         void* buffer_userp) {
  if (!buffer_userp || buffer_userp == pooled_mark()) return nullptr;
  const Api& api = static_cast<RequestContext*>(userp)->api();
  const auto& handle = *static_cast<const CudaIpcHandle*>(buffer_userp);
  if (auto status = set_ipc_handle(api, attributes, handle); !status) {
    return make_error(api, status.error());
  }
  return nullptr;
}

}  // namespace

base::Result<TRITONSERVER_ResponseAllocator*> make_allocator(const Api& api) {
  capi::Allocator* allocator = nullptr;
  auto status = call(api, api.ResponseAllocatorNew, &allocator, &on_alloc, &on_free,
                     static_cast<capi::AllocStartFn*>(nullptr));
  if (!status) return std::unexpected(std::move(status.error()));
  if (api.ResponseAllocatorSetQueryFunction) {
    status = call(api, api.ResponseAllocatorSetQueryFunction, allocator, &on_query);
    if (!status) return std::unexpected(std::move(status.error()));
  }
  if (api.ResponseAllocatorSetBufferAttributesFunction) {
    status = call(api, api.ResponseAllocatorSetBufferAttributesFunction, allocator, &on_attributes);
    if (!status) return std::unexpected(std::move(status.error()));
  }
  return allocator;
}

}  // namespace tfe::triton
