// device: identity for memory of any kind, which it takes for readable and writable: device memory
// of tests is. Says in response parameters what the core told it about INPUT0 and OUTPUT0:
// `<tensor>_place` is "<memory type>:<id>:<bytes>", `<tensor>_handle` the text at the beginning of
// the CUDA IPC handle (absent without one), `OUTPUT0_expected` what the core answered beforehand.
#include <cstring>
#include <string>

#include "kit/backend.h"
#include "kit/tensors.h"

namespace tfe::backend {
namespace {

struct Attributes {
  TRITONSERVER_MemoryType type = TRITONSERVER_MEMORY_CPU;
  std::int64_t id = 0;
  std::size_t byte_size = 0;
  void* handle = nullptr;
};

Error read_attributes(TRITONSERVER_BufferAttributes* from, Attributes* to) {
  TFE_RETURN_IF_ERROR(TRITONSERVER_BufferAttributesMemoryType(from, &to->type));
  TFE_RETURN_IF_ERROR(TRITONSERVER_BufferAttributesMemoryTypeId(from, &to->id));
  TFE_RETURN_IF_ERROR(TRITONSERVER_BufferAttributesByteSize(from, &to->byte_size));
  TFE_RETURN_IF_ERROR(TRITONSERVER_BufferAttributesCudaIpcHandle(from, &to->handle));
  return nullptr;
}

std::string place(TRITONSERVER_MemoryType type, std::int64_t id) {
  return std::to_string(static_cast<int>(type)) + ":" + std::to_string(id);
}

Error set_text(TRITONBACKEND_Response* response, const std::string& name, const std::string& text) {
  return Error(TRITONBACKEND_ResponseSetStringParameter(response, name.c_str(), text.c_str()));
}

Error tell(TRITONBACKEND_Response* response, const std::string& tensor,
           const Attributes& attributes) {
  const std::string text =
      place(attributes.type, attributes.id) + ":" + std::to_string(attributes.byte_size);
  TFE_RETURN_IF_ERROR(set_text(response, tensor + "_place", text).release());
  if (attributes.handle == nullptr) {
    return nullptr;
  }
  constexpr std::size_t kHandleSize = 64;
  const auto* handle = static_cast<const char*>(attributes.handle);
  return set_text(response, tensor + "_handle",
                  std::string(handle, ::strnlen(handle, kHandleSize)));
}

Error expect_place(TRITONBACKEND_Request* request, TRITONBACKEND_Response* response,
                   std::size_t byte_size) {
  TRITONSERVER_MemoryType type = TRITONSERVER_MEMORY_CPU;
  std::int64_t id = 0;
  TFE_RETURN_IF_ERROR(
      TRITONBACKEND_RequestOutputBufferProperties(request, "OUTPUT0", &byte_size, &type, &id));
  return set_text(response, "OUTPUT0_expected", place(type, id));
}

Error copy(const InputView& view, const void* input, TRITONBACKEND_Response* response) {
  TRITONBACKEND_Output* output = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseOutput(response, &output, "OUTPUT0", view.datatype,
                                                   view.shape, view.dims_count));
  void* buffer = nullptr;
  TRITONSERVER_MemoryType type = TRITONSERVER_MEMORY_CPU;
  std::int64_t id = 0;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_OutputBuffer(output, &buffer, view.byte_size, &type, &id));
  TRITONSERVER_BufferAttributes* handle = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_OutputBufferAttributes(output, &handle));
  Attributes attributes;
  TFE_RETURN_IF_ERROR(read_attributes(handle, &attributes).release());
  std::memcpy(buffer, input, view.byte_size);
  return tell(response, "OUTPUT0", attributes);
}

Error fill(TRITONBACKEND_Request* request, TRITONBACKEND_Response* response) {
  InputView view;
  TFE_RETURN_IF_ERROR(view_input(request, 0, &view).release());
  const void* input = nullptr;
  TRITONSERVER_BufferAttributes* handle = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_InputBufferAttributes(view.handle, 0, &input, &handle));
  Attributes attributes;
  TFE_RETURN_IF_ERROR(read_attributes(handle, &attributes).release());
  TFE_RETURN_IF_ERROR(tell(response, "INPUT0", attributes).release());
  TFE_RETURN_IF_ERROR(expect_place(request, response, view.byte_size).release());
  return copy(view, input, response);
}

}  // namespace

Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests) {
  for (TRITONBACKEND_Request* request : requests) {
    const std::uint64_t start_ns = now_ns();
    TRITONBACKEND_Response* response = nullptr;
    TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseNew(&response, request));
    const Error error = fill(request, response);
    ignore(TRITONBACKEND_ResponseSend(response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error.get()));
    report(instance, request, start_ns, !error);
    release(request);
  }
  return nullptr;
}

}  // namespace tfe::backend
