#include "kserve_grpc/queue_deadline.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace tfe::kserve_grpc {

void limit_queue_time(const Options& options, const grpc::Call& call,
                      kserve::InferRequest& request) {
  if (!options.deadline_as_queue_timeout || request.timeout_us != 0 || !call.deadline()) return;
  // The core counts from when it gets the request, so its end is never before the call's.
  const auto left = std::chrono::ceil<std::chrono::microseconds>(*call.deadline() - call.now());
  // 0 would be no timeout.
  request.timeout_us = static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 1));
}

grpc::Status failure(const Options& options, const grpc::Call& call, grpc::Status status) {
  const bool late = options.deadline_as_queue_timeout && !status.ok() && call.deadline() &&
                    call.now() >= *call.deadline();
  return late ? grpc::deadline_exceeded() : std::move(status);
}

}  // namespace tfe::kserve_grpc
