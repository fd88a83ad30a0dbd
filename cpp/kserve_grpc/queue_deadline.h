// The deadline of a call as the queue timeout of its inferences
// (Options::deadline_as_queue_timeout): the scheduler then knows how long a request is worth
// waiting for. On the call's strand.
#pragma once

#include "grpc/call.h"
#include "grpc/status.h"
#include "kserve/request.h"
#include "kserve_grpc/options.h"

namespace tfe::kserve_grpc {

// Gives the request the time that is left, rounded up to whole microseconds, unless it has a
// timeout of its own or the call has no deadline.
void limit_queue_time(const Options& options, const grpc::Call& call,
                      kserve::InferRequest& request);

// What ends a call whose inference has failed. After the deadline that is the deadline, not what
// the scheduler calls it ("Request timeout expired", UNAVAILABLE, which clients take for an
// invitation to try again).
grpc::Status failure(const Options& options, const grpc::Call& call, grpc::Status status);

}  // namespace tfe::kserve_grpc
