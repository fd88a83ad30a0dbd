// The three frontends, each as a function from options to a Frontend that is not yet started.
#pragma once

#include <memory>

#include "frontend/frontend.h"
#include "frontend/options.h"
#include "triton/server.h"

namespace tfe::frontend {

std::unique_ptr<Frontend> make_http(std::shared_ptr<triton::Server> server,
                                    const HttpOptions& options);
std::unique_ptr<Frontend> make_grpc(std::shared_ptr<triton::Server> server,
                                    const GrpcOptions& options);
std::unique_ptr<Frontend> make_metrics(std::shared_ptr<triton::Server> server,
                                       const MetricsOptions& options);

}  // namespace tfe::frontend
