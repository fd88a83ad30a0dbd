// The frontends, each as a function from options to a Frontend that is not yet started.
// kInvalidArgument for an option that cannot be understood.
#pragma once

#include <memory>

#include "base/status.h"
#include "frontend/frontend.h"
#include "frontend/options.h"
#include "triton/server.h"

namespace tfe::frontend {

using NewFrontend = base::Result<std::unique_ptr<Frontend>>;

NewFrontend make_http(std::shared_ptr<triton::Server> server, const HttpOptions& options);
NewFrontend make_grpc(std::shared_ptr<triton::Server> server, const GrpcOptions& options);
NewFrontend make_metrics(std::shared_ptr<triton::Server> server, const MetricsOptions& options);

}  // namespace tfe::frontend
