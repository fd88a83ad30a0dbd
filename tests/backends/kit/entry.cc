// The C entry points of a backend: model state, load knobs, execution.
#include <cstdint>
#include <memory>
#include <span>

#include "kit/backend.h"
#include "kit/tensors.h"

namespace tfe::backend {
namespace {

Error load(TRITONBACKEND_Model* handle) {
  auto model = std::make_unique<Model>();
  TFE_RETURN_IF_ERROR(read_settings(handle, &model->settings, &model->batches).release());
  const Knobs knobs(nullptr, model->settings);
  sleep_ms(knobs.integer("load_delay_ms", 0));
  if (const auto text = knobs.find("load_error")) {
    return make_error(TRITONSERVER_ERROR_INTERNAL, *text);
  }
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ModelSetState(handle, model.get()));
  model.release();  // deleted by ModelFinalize
  return nullptr;
}

Model* state_of(TRITONBACKEND_Model* handle) {
  void* state = nullptr;
  ignore(TRITONBACKEND_ModelState(handle, &state));
  return static_cast<Model*>(state);
}

// How many inferences a request carries: the first dimension of its inputs, or 1.
std::uint64_t inferences(const Model& model, TRITONBACKEND_Request* request) {
  InputView view;
  if (!model.batches || view_input(request, 0, &view) || view.dims_count == 0) {
    return 1;
  }
  return static_cast<std::uint64_t>(view.shape[0]);
}

Error run(TRITONBACKEND_ModelInstance* handle, std::span<TRITONBACKEND_Request* const> requests) {
  TRITONBACKEND_Model* model = nullptr;
  TFE_RETURN_IF_ERROR(TRITONBACKEND_ModelInstanceModel(handle, &model));
  const std::uint64_t start_ns = now_ns();
  const Instance instance{handle, state_of(model)};
  std::uint64_t batch_size = 0;
  for (TRITONBACKEND_Request* request : requests) {
    batch_size += inferences(*instance.model, request);
  }
  TFE_RETURN_IF_ERROR(execute(instance, requests).release());
  const std::uint64_t end_ns = now_ns();
  ignore(TRITONBACKEND_ModelInstanceReportBatchStatistics(handle, batch_size, start_ns, start_ns,
                                                          end_ns, end_ns));
  return nullptr;
}

}  // namespace
}  // namespace tfe::backend

TFE_BACKEND_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInitialize(TRITONBACKEND_Model* model) {
  return tfe::backend::load(model).release();
}

TFE_BACKEND_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelFinalize(TRITONBACKEND_Model* model) {
  delete tfe::backend::state_of(model);
  return nullptr;
}

TFE_BACKEND_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInstanceFinalize(
    TRITONBACKEND_ModelInstance* instance) {
  tfe::backend::join_threads(instance);
  return nullptr;
}

TFE_BACKEND_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInstanceExecute(
    TRITONBACKEND_ModelInstance* instance, TRITONBACKEND_Request** requests, std::uint32_t count) {
  return tfe::backend::run(instance, {requests, count}).release();
}
