// The gRPC application, for a port of its own or one that it shares with HTTP/1.1.
#pragma once

#include <memory>

#include "base/status.h"
#include "frontend/options.h"
#include "frontend/peer_forwarder.h"
#include "http/exchange.h"
#include "http2/options.h"
#include "triton/server.h"

namespace tfe::frontend {

struct GrpcApplication {
  // In an object that owns all it refers to.
  std::shared_ptr<http::Handler> handler;
  http2::Options http2;
  std::shared_ptr<PeerForwarder> forwarder;  // may be null
};

// `endpoint`: the port where it is served, which need not be that of the options.
base::Result<GrpcApplication> make_grpc_application(std::shared_ptr<triton::Server> server,
                                                    const GrpcOptions& options,
                                                    const Endpoint& endpoint);

}  // namespace tfe::frontend
