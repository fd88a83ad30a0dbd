// grpc.health.v1.Health/Check. The service name of the request is ignored, so that probes which
// send one get the answer of the whole server, as from Triton's own frontend.
#pragma once

#include <functional>

#include "base/status.h"
#include "grpc/router.h"

namespace tfe::grpc {

// `ready` is called on loop threads and must not block. Its error becomes the call's status.
void add_health(Router& router, std::function<base::Result<bool>()> ready);

}  // namespace tfe::grpc
