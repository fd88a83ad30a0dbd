// hang: holds a request, deaf to cancellation, until a file exists, then answers like identity.
//
// Knob: `release_file` is the path to wait for; without it the request is held for ever, and the
// instance with it.
#include <filesystem>

#include "kit/backend.h"

namespace tfe::backend {
namespace {

constexpr std::int64_t kPollMs = 5;

void wait_for(const std::string& path) {
  std::error_code ignored;
  while (path.empty() || !std::filesystem::exists(path, ignored)) {
    sleep_ms(kPollMs);
  }
}

}  // namespace

Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests) {
  for (TRITONBACKEND_Request* request : requests) {
    const std::uint64_t start_ns = now_ns();
    wait_for(Knobs(request, instance.model->settings).text("release_file", ""));
    answer(instance, request, start_ns);
  }
  return nullptr;
}

}  // namespace tfe::backend
