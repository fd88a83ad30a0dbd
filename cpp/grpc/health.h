// grpc.health.v1.Health.
//
// Check: the service name of the request is ignored, so that probes which send one get the answer
// of the whole server, as from Triton's own frontend.
// Watch: as the health checking protocol says. The state at once and then each change; a name that
// this server does not know is SERVICE_UNKNOWN for as long as the call is open. The core tells
// nobody of changes, so each call looks again and again.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "grpc/router.h"

namespace tfe::grpc {

struct HealthOptions {
  // Called on loop threads; must not block. Its error becomes the status of a Check, and is
  // NOT_SERVING to a Watch.
  std::function<base::Result<bool>()> ready;
  // Full names that Watch knows besides "", the whole server.
  std::vector<std::string> services;
  // Between two looks of a Watch. Much shorter than the probes that it replaces, and a call to the
  // core that costs a microsecond.
  base::Duration watch_interval = std::chrono::seconds(1);
  std::function<base::TimePoint()> now = &base::Clock::now;
};

void add_health(Router& router, HealthOptions options);

}  // namespace tfe::grpc
