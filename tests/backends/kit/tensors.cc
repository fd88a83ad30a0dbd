// Copies tensors between requests and responses.
#include "kit/tensors.h"

#include <cstring>

namespace tfe::backend {
namespace {

constexpr std::string_view kInputPrefix = "INPUT";
constexpr std::string_view kOutputPrefix = "OUTPUT";

Error output_memory(TRITONBACKEND_Response* response, const Tensor& shape_of,
                    std::uint64_t byte_size, void** buffer) {
  TRITONBACKEND_Output* output = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseOutput(
      response, &output, shape_of.name.c_str(), shape_of.datatype, shape_of.shape.data(),
      static_cast<std::uint32_t>(shape_of.shape.size())));
  TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
  std::int64_t memory_id = 0;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_OutputBuffer(output, buffer, byte_size, &memory, &memory_id));
  if (memory == TRITONSERVER_MEMORY_GPU) {
    return make_error(TRITONSERVER_ERROR_UNSUPPORTED, "test backends write CPU memory only");
  }
  return nullptr;
}

Tensor describe(const InputView& view, std::string output_name) {
  Tensor tensor;
  tensor.name = std::move(output_name);
  tensor.datatype = view.datatype;
  tensor.shape.assign(view.shape, view.shape + view.dims_count);
  return tensor;
}

// Calls visit(view, output name) for each data input whose mirror was requested.
template <typename Visitor>
Error for_each_mirrored(TRITONBACKEND_Request* request, Visitor visit) {
  std::uint32_t count = 0;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_RequestInputCount(request, &count));
  for (std::uint32_t i = 0; i < count; ++i) {
    InputView view;
    TFE_RETURN_IF_ERROR(view_input(request, i, &view).release());
    std::string output;
    if (!mirrored_name(view.name, &output) || !output_requested(request, output)) {
      continue;
    }
    TFE_RETURN_IF_ERROR(visit(view, std::move(output)).release());
  }
  return nullptr;
}

}  // namespace

Error view_input(TRITONBACKEND_Request* request, std::uint32_t index, InputView* view) {
  TFE_RETURN_IF_ERROR(TRITONBACKEND_RequestInputByIndex(request, index, &view->handle));
  const char* name = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_InputProperties(view->handle, &name, &view->datatype,
                                                    &view->shape, &view->dims_count,
                                                    &view->byte_size, &view->buffer_count));
  view->name = name;
  return nullptr;
}

Error copy_input(const InputView& view, char* target) {
  for (std::uint32_t i = 0; i < view.buffer_count; ++i) {
    const void* chunk = nullptr;
    std::uint64_t size = 0;
    TRITONSERVER_MemoryType memory = TRITONSERVER_MEMORY_CPU;
    std::int64_t memory_id = 0;
    TFE_RETURN_IF_ERROR(
        TRITONBACKEND_InputBuffer(view.handle, i, &chunk, &size, &memory, &memory_id));
    if (memory == TRITONSERVER_MEMORY_GPU) {
      return make_error(TRITONSERVER_ERROR_UNSUPPORTED, "test backends read CPU memory only");
    }
    if (size != 0) {
      std::memcpy(target, chunk, size);
      target += size;
    }
  }
  return nullptr;
}

bool mirrored_name(std::string_view input, std::string* output) {
  if (!input.starts_with(kInputPrefix)) {
    return false;
  }
  output->assign(kOutputPrefix).append(input.substr(kInputPrefix.size()));
  return true;
}

bool output_requested(TRITONBACKEND_Request* request, std::string_view name) {
  std::uint32_t count = 0;
  ignore(TRITONBACKEND_RequestOutputCount(request, &count));
  for (std::uint32_t i = 0; i < count; ++i) {
    const char* requested = nullptr;
    ignore(TRITONBACKEND_RequestOutputName(request, i, &requested));
    if (requested != nullptr && name == requested) {
      return true;
    }
  }
  return false;
}

Error mirror_inputs(TRITONBACKEND_Request* request, TRITONBACKEND_Response* response) {
  return for_each_mirrored(request, [response](const InputView& view, std::string name) -> Error {
    void* buffer = nullptr;
    TFE_RETURN_IF_ERROR(
        output_memory(response, describe(view, std::move(name)), view.byte_size, &buffer)
            .release());
    return copy_input(view, static_cast<char*>(buffer));
  });
}

Error take_outputs(TRITONBACKEND_Request* request, std::vector<Tensor>* tensors) {
  return for_each_mirrored(request, [tensors](const InputView& view, std::string name) -> Error {
    Tensor tensor = describe(view, std::move(name));
    tensor.data.resize(view.byte_size);
    TFE_RETURN_IF_ERROR(copy_input(view, tensor.data.data()).release());
    tensors->push_back(std::move(tensor));
    return nullptr;
  });
}

Error put_output(TRITONBACKEND_Response* response, const Tensor& tensor) {
  void* buffer = nullptr;
  TFE_RETURN_IF_ERROR(output_memory(response, tensor, tensor.data.size(), &buffer).release());
  if (!tensor.data.empty()) {
    std::memcpy(buffer, tensor.data.data(), tensor.data.size());
  }
  return nullptr;
}

}  // namespace tfe::backend
