// Sends responses through a factory.
#include "kit/stream.h"

#include <cstring>

namespace tfe::backend {
namespace {

constexpr const char* kIndexOutput = "INDEX";

Tensor index_tensor(std::int32_t index) {
  Tensor tensor{kIndexOutput, TRITONSERVER_TYPE_INT32, {1}, std::vector<char>(sizeof(index))};
  std::memcpy(tensor.data.data(), &index, sizeof(index));
  return tensor;
}

}  // namespace

Error Stream::open(TRITONBACKEND_Request* request, Stream* stream) {
  TFE_RETURN_IF_ERROR(take_outputs(request, &stream->outputs_).release());
  stream->wants_index_ = output_requested(request, kIndexOutput);
  TRITONBACKEND_ResponseFactory* factory = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseFactoryNew(&factory, request));
  stream->factory_.reset(factory);
  return nullptr;
}

Error Stream::fill(TRITONBACKEND_Response* response, std::int32_t index) const {
  for (const Tensor& tensor : outputs_) {
    TFE_RETURN_IF_ERROR(put_output(response, tensor).release());
  }
  if (wants_index_) {
    return put_output(response, index_tensor(index));
  }
  return nullptr;
}

Error Stream::send(std::int32_t index, bool final) const {
  TRITONBACKEND_Response* response = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ResponseNewFromFactory(&response, factory_.get()));
  if (Error error = fill(response, index); error) {
    ignore(TRITONBACKEND_ResponseDelete(response));
    return error;
  }
  const std::uint32_t flags = final ? TRITONSERVER_RESPONSE_COMPLETE_FINAL : 0;
  return Error(TRITONBACKEND_ResponseSend(response, flags, nullptr));
}

void Stream::fail(Error error) const {
  TRITONBACKEND_Response* response = nullptr;
  if (Error failed(TRITONBACKEND_ResponseNewFromFactory(&response, factory_.get())); failed) {
    return;
  }
  ignore(TRITONBACKEND_ResponseSend(response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error.get()));
}

Error Stream::finish() const {
  return Error(
      TRITONBACKEND_ResponseFactorySendFlags(factory_.get(), TRITONSERVER_RESPONSE_COMPLETE_FINAL));
}

bool Stream::cancelled() const {
  bool cancelled = false;
  ignore(TRITONBACKEND_ResponseFactoryIsCancelled(factory_.get(), &cancelled));
  return cancelled;
}

}  // namespace tfe::backend
