// delay: identity after `delay_ms` milliseconds (default 0), one request after the other. A
// cancelled request is answered with CANCELLED within a millisecond or two.
#include <algorithm>

#include "kit/backend.h"

namespace tfe::backend {
namespace {

constexpr std::uint64_t kNsPerMs = 1'000'000;

// False if the request was cancelled meanwhile.
bool wait(TRITONBACKEND_Request* request, std::int64_t delay_ms) {
  const std::uint64_t end_ns =
      now_ns() + static_cast<std::uint64_t>(std::max<std::int64_t>(delay_ms, 0)) * kNsPerMs;
  for (;;) {
    bool cancelled = false;
    ignore(TRITONBACKEND_RequestIsCancelled(request, &cancelled));
    if (cancelled) {
      return false;
    }
    if (now_ns() >= end_ns) {
      return true;
    }
    sleep_ms(1);
  }
}

}  // namespace

Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests) {
  for (TRITONBACKEND_Request* request : requests) {
    const std::uint64_t start_ns = now_ns();
    const Knobs knobs(request, instance.model->settings);
    if (wait(request, knobs.integer("delay_ms", 0))) {
      answer(instance, request, start_ns);
    } else {
      answer(instance, request, start_ns,
             make_error(TRITONSERVER_ERROR_CANCELLED, "request was cancelled"));
    }
  }
  return nullptr;
}

}  // namespace tfe::backend
