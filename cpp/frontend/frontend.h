// A frontend: one application (HTTP, gRPC or metrics handlers) behind one listening server.
//
// Lifetime rule: the application holds a reference to the inference server and is held by the
// frontend until its listening server has joined its threads; callbacks of the core that come later
// reach only closed strands. Any thread; the calls below may be made in any order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "frontend/error_log.h"
#include "frontend/options.h"
#include "frontend/peer_forwarder.h"
#include "frontend/request_counter.h"
#include "net/tls_context.h"
#include "server/http_server.h"

namespace tfe::frontend {

// What makes one frontend differ from another.
struct Application {
  std::string label;  // "HTTP", as messages call it
  // One for each protocol with a handler of its own, in objects that own all the handler refers to;
  // see RequestCounter for what they count.
  std::vector<std::shared_ptr<RequestCounter>> handlers;
  server::ProtocolFactory factory;
  std::shared_ptr<net::TlsContext> tls;      // null: plain
  std::shared_ptr<PeerForwarder> forwarder;  // null: calls stay
  ErrorLog on_error;
};

struct Statistics {
  server::ServerStatistics server;
  std::uint64_t requests_total = 0;
  ForwardStatistics forwarded = {};
};

class Frontend {
 public:
  Frontend(Application application, const Endpoint& endpoint);
  ~Frontend();

  // kAlreadyExists "<label> server is already running.", kUnavailable for a taken port.
  base::Status start() { return start_error(server_.start()); }
  // kUnavailable "<label> server is not running."
  base::Status stop();
  bool drain(base::Duration timeout) { return server_.drain(timeout); }
  // Clients that are connected now are sent away; others are served.
  void disperse() { server_.disperse(); }
  // False, and it is closed, when the frontend does not run or the descriptor is no connection.
  bool adopt(base::UniqueFd connection) { return server_.adopt(std::move(connection)); }
  std::uint16_t port() const { return server_.port(); }
  Statistics statistics() const;

 private:
  base::Status start_error(base::Status status) const;

  const Application application_;
  server::HttpServer server_;
};

}  // namespace tfe::frontend
