// A listening server: one listener, a few loop threads, and whatever protocols the factory makes.
//
// Thread rule: every function from any thread, also from a handler or a callback of the core (see
// stop()). Lifetime rule: what the factory and its protocols refer to must outlive stop().
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "base/unique_fd.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/tls_context.h"
#include "server/beat_page.h"
#include "server/connection.h"
#include "server/handoff.h"

namespace tfe::server {

struct ServerOptions {
  net::ListenOptions listen;
  // Loop threads, 1..256. Two already feed the core faster than it answers small requests.
  int threads = 2;
  // Speak TLS only. Null: clear text only.
  std::shared_ptr<net::TlsContext> tls;
  // Above this, clients are refused: they learn it immediately and can go elsewhere, where a full
  // queue would let them wait for their own timeout. At least 1.
  std::size_t max_connections = 65536;
  // So many connections above the limit are told why (PeerKind::kOverCap: HTTP 429); any more are
  // closed at once, or a flood of them would cost what the limit is there to save.
  std::size_t refusal_allowance = 64;
  net::LoopOptions loop;
  ConnectionLimits limits;
  BeatOptions beats;
  // A SOCK_SEQPACKET socket of someone else's through which more connections come, or -1; see
  // net/inbox.h. Like an inherited listener it is left alone from a drain on.
  int inbox_fd = -1;
  // Needs beats.
  HandoffOptions handoff;
  // Threads are called "<name>-<n>"; 15 characters count.
  std::string name = "frontend";
  // Hears what goes wrong outside of any request, e.g. no descriptors left. Called on loop threads.
  std::function<void(const base::Error&)> on_error;
};

struct ServerStatistics {
  std::size_t connections = 0;  // of clients, open now, with those being refused
  std::size_t in_flight = 0;    // requests now
  // Since the server object was made, over all starts.
  std::uint64_t accepted_total = 0;
  std::uint64_t refused_total = 0;             // above max_connections; not in accepted_total
  std::uint64_t refused_answered_total = 0;    // those of them that were told
  std::uint64_t handed_over_total = 0;         // to other servers; not in accepted_total
  std::uint64_t received_total = 0;            // through the inbox; counted as accepted or refused
  std::uint64_t handshake_failures_total = 0;  // TLS, also too slow or in clear text
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

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

  // Closes everything and joins the threads; start() works again. Idempotent. Called from a handler
  // or from a task on a strand, which the threads may be waiting for, it only begins the stop; the
  // next stop(), start() or the destructor completes it. Callbacks of the core that come later find
  // their strand closed, and run where they are.
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
  class Run;

  std::shared_ptr<Run> current() const;
  base::Status validate() const;
  void finish_stop();

  const ServerOptions options_;
  const ProtocolFactory factory_;
  struct Totals;
  const std::unique_ptr<Totals> totals_;
  // Serializes start and stop; never taken on a loop thread for long, see stop().
  std::mutex control_;
  mutable std::mutex run_mutex_;
  std::shared_ptr<Run> run_;
};

}  // namespace tfe::server
