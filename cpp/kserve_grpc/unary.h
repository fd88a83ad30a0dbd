// Unary methods as functions from the bytes of a request to those of a response.
#pragma once

#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/status.h"
#include "grpc/router.h"
#include "kserve/executor.h"

namespace tfe::kserve_grpc {

using UnaryMethod = std::function<base::Result<std::string>(base::Bytes request)>;

// On the loop thread: for methods that never wait.
void add_quick(grpc::Router& router, std::string path, UnaryMethod method);
// On a thread of the executor, which outlives the router. The method may still run when the client,
// the deadline or the frontend has ended the call; it must own what it uses.
void add_blocking(grpc::Router& router, std::string path, UnaryMethod method,
                  kserve::Executor& executor);

// The answer to a request that is not a message of its type.
base::Error unparsable();

}  // namespace tfe::kserve_grpc
