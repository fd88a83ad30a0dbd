// crash: identity, until a request (or the load) asks it to kill the process.
//
// Knobs: `crash_signal` raises that signal while the request executes (11 SEGV, 6 ABRT, 9 KILL; 0
// answers like identity); `load_crash_signal` in the configuration does it while the model loads.
#include <csignal>

#include "kit/backend.h"

namespace tfe::backend {

Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests) {
  const std::uint64_t start_ns = now_ns();
  for (TRITONBACKEND_Request* request : requests) {
    const Knobs knobs(request, instance.model->settings);
    if (const std::int64_t signal = knobs.integer("crash_signal", 0); signal > 0) {
      std::raise(static_cast<int>(signal));
    }
    answer(instance, request, start_ns);
  }
  return nullptr;
}

}  // namespace tfe::backend

// The kit loads settings per model; instances come later and find them there.
TFE_BACKEND_EXPORT TRITONSERVER_Error* TRITONBACKEND_ModelInstanceInitialize(
    TRITONBACKEND_ModelInstance* instance) {
  TRITONBACKEND_Model* model = nullptr;
  if (auto* error = TRITONBACKEND_ModelInstanceModel(instance, &model); error != nullptr) {
    return error;
  }
  void* state = nullptr;
  if (auto* error = TRITONBACKEND_ModelState(model, &state); error != nullptr) {
    return error;
  }
  const auto& settings = static_cast<tfe::backend::Model*>(state)->settings;
  const tfe::backend::Knobs knobs(nullptr, settings);
  if (const std::int64_t signal = knobs.integer("load_crash_signal", 0); signal > 0) {
    std::raise(static_cast<int>(signal));
  }
  return nullptr;
}
