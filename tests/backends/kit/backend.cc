// What backends share between taking a request and releasing it.
#include "kit/backend.h"

#include <chrono>
#include <thread>

#include "kit/tensors.h"

namespace tfe::backend {
namespace {

Error fill(const Instance& instance, TRITONBACKEND_Request* request,
           TRITONBACKEND_Response* response) {
  TFE_RETURN_IF_ERROR(mirror_inputs(request, response).release());
  if (Knobs(request, instance.model->settings).flag("echo")) {
    return echo_request(request, response);
  }
  return nullptr;
}

}  // namespace

std::uint64_t now_ns() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

void sleep_ms(std::int64_t milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

void report(const Instance& instance, TRITONBACKEND_Request* request, std::uint64_t start_ns,
            bool success) {
  const std::uint64_t end_ns = now_ns();
  ignore(TRITONBACKEND_ModelInstanceReportStatistics(instance.handle, request, success, start_ns,
                                                     start_ns, end_ns, end_ns));
}

void release(TRITONBACKEND_Request* request) {
  ignore(TRITONBACKEND_RequestRelease(request, TRITONSERVER_REQUEST_RELEASE_ALL));
}

void answer(const Instance& instance, TRITONBACKEND_Request* request, std::uint64_t start_ns,
            Error error) {
  TRITONBACKEND_Response* response = nullptr;
  // Without a response the client waits for ever; creation only fails when memory is gone.
  if (Error failed(TRITONBACKEND_ResponseNew(&response, request)); failed) {
    release(request);
    return;
  }
  if (!error) {
    error = fill(instance, request, response);
  }
  const bool success = !error;
  // ResponseSend takes the response but not the error.
  ignore(TRITONBACKEND_ResponseSend(response, TRITONSERVER_RESPONSE_COMPLETE_FINAL, error.get()));
  report(instance, request, start_ns, success);
  release(request);
}

}  // namespace tfe::backend
