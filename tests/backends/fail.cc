// fail: answers with an error.
//
// Knobs: `error_code` is the C API's number (default 1, INTERNAL; -1 answers like identity),
// `error_message` its text, `error_from` is "response" (default: an error response) or "execute"
// (the batch as a whole is refused, and the core answers).
#include "kit/backend.h"

namespace tfe::backend {
namespace {

constexpr std::int64_t kNoError = -1;

Error wanted_error(const Knobs& knobs) {
  const std::int64_t code = knobs.integer("error_code", TRITONSERVER_ERROR_INTERNAL);
  if (code == kNoError) {
    return nullptr;
  }
  return make_error(static_cast<TRITONSERVER_Error_Code>(code),
                    knobs.text("error_message", "the model fails on demand"));
}

}  // namespace

Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests) {
  for (TRITONBACKEND_Request* request : requests) {
    const Knobs knobs(request, instance.model->settings);
    if (knobs.text("error_from", "response") == "execute") {
      return wanted_error(knobs);
    }
  }
  const std::uint64_t start_ns = now_ns();
  for (TRITONBACKEND_Request* request : requests) {
    answer(instance, request, start_ns, wanted_error(Knobs(request, instance.model->settings)));
  }
  return nullptr;
}

}  // namespace tfe::backend
