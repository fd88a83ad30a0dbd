// Puts a handler behind a listening server: TLS, access log and request counter are the same for
// every application.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "frontend/error_log.h"
#include "frontend/frontend.h"
#include "frontend/options.h"
#include "http/exchange.h"
#include "server/protocol_chooser.h"

namespace tfe::frontend {

struct Listening {
  std::string label;  // "HTTP", as messages call it
  // In an object that owns all it refers to.
  std::shared_ptr<http::Handler> handler;
  // Answers what comes over HTTP/2, if that is another one.
  std::shared_ptr<http::Handler> http2_handler = nullptr;
  server::ProtocolOptions protocols;
  std::shared_ptr<PeerForwarder> forwarder = nullptr;
  std::vector<std::string> alpn;  // what TLS offers, see net::TlsOptions
  ErrorLog on_error;
};

// A frontend that is not yet started. kInvalidArgument for files that cannot be used.
base::Result<std::unique_ptr<Frontend>> make_frontend(Listening listening,
                                                      const Endpoint& endpoint);

}  // namespace tfe::frontend
