// The gRPC application, for a port of its own or one that it shares with HTTP/1.1.
#pragma once

#include <memory>

#include "base/status.h"
#include "frontend/options.h"
#include "http/exchange.h"
#include "http2/options.h"
#include "triton/server.h"

namespace tfe::frontend {

struct GrpcApplication {
  // In an object that owns all it refers to.
  std::shared_ptr<http::Handler> handler;
  http2::Options http2;
};

// Of the options all but the endpoint.
base::Result<GrpcApplication> make_grpc_application(std::shared_ptr<triton::Server> server,
                                                    const GrpcOptions& options);

}  // namespace tfe::frontend
