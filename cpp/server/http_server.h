// A listening server: one listener, a few loop threads, and whatever protocols the factory makes.
//
// Thread rule: every function from any thread, also from a handler or a callback of the core (see
// stop()). Lifetime rule: what the factory and its protocols refer to must outlive stop().
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "server/connection.h"
#include "server/server_options.h"
#include "server/server_statistics.h"

namespace tfe::server {

class ServerRun;

class HttpServer {
 public:
  HttpServer(ServerOptions options, ProtocolFactory factory);
  // Stops. Not on one of the server's own threads.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // kAlreadyExists if it runs, kInvalidArgument for options, else what the listener says.
  base::Status start();
  // The bound port while running, also for port 0 and inherited sockets; else 0.
  std::uint16_t port() const;
  bool running() const;

  // Accepts nothing new, lets requests in flight end, and closes idle connections. An inherited
  // listener stays open for its owner and its queue untouched; an own one is closed after those in
  // its queue were taken. True when the last connection closed in time; stop() is still needed.
  // Called from a handler or a loop thread it begins the drain and returns false without waiting.
  bool drain(base::Duration timeout);

  // Sends the clients that are connected now away, as a drain does it, and goes on to serve whoever
  // comes: for a server that has nothing for them while others of its port have. Does not wait.
  void disperse();

  // Closes everything and joins the threads; start() works again. Idempotent. Called from a handler
  // or from a task on a strand, which the threads may be waiting for, it only begins the stop; the
  // next stop() or start() elsewhere, or the destructor, completes it. Callbacks of the core that
  // come later find their strand closed, and run where they are.
  void stop();

  // Serves a connection that was accepted elsewhere, as if it had come through the listener. False,
  // and the socket is closed, when this server takes no connections (any more) or it is none.
  bool adopt(base::UniqueFd socket);

  // Lives with a connection of this process's own making: the near end of a socketpair whose other
  // end lies in the inbox of a server of the same port. It is in clear text, and no client: neither
  // limited nor counted as one. `factory` is called for it alone and dropped with it. False, and it
  // is closed, when this server takes no connections (any more).
  bool link(base::UniqueFd socket, ProtocolFactory factory);

  ServerStatistics statistics() const;

 private:
  std::shared_ptr<ServerRun> current() const;
  base::Status validate() const;
  void finish_stop();

  const ServerOptions options_;
  const ProtocolFactory factory_;
  ServerTotals totals_;
  // Serializes start and stop; never taken on a loop thread for long, see stop().
  std::mutex control_;
  mutable std::mutex run_mutex_;
  std::shared_ptr<ServerRun> run_;
};

}  // namespace tfe::server
