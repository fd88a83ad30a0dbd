// A connection to a server of the same port in another process, for requests that are passed on.
//
// One end of a socketpair goes into the other server's inbox, as an accepted connection would; the
// other end lives on a loop of our own server. If the other process dies before it has read its
// inbox, whoever takes over the inbox serves the link.
//
// Any thread, but for what tasks do. Kept alive by its tasks and by the connection.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "http/exchange.h"
#include "http2/client_connection.h"
#include "server/http_server.h"

namespace tfe::frontend {

class PeerLink : public std::enable_shared_from_this<PeerLink> {
 public:
  // Null for `connection` says that there is none (any more).
  using Task = std::move_only_function<void(http2::ClientConnection* connection)>;

  // Null if the inbox is full or the server takes no connections.
  static std::shared_ptr<PeerLink> open(server::HttpServer& server, int inbox_fd);

  // Makes the connection, once. Dropped with it, or unused by a server that ends before: then the
  // link is over.
  server::ProtocolFactory factory();

  // Runs `task` on the connection's strand, also when the connection is over. If there never was
  // one, on a thread that posts or on the one that gives up. In any case one task at a time, in the
  // order of posting.
  void post(Task task, http::Strand::Where where);
  // False once it takes no further requests.
  bool usable() const;

 private:
  // Not yet connected, connected, or over.
  enum class State : std::uint8_t { kOpening, kOpen, kOver };

  std::unique_ptr<http::Protocol> connect(std::shared_ptr<http::Strand> strand);
  void end();
  // For a link that ended before it was connected.
  void run_unconnected();

  mutable std::mutex mutex_;
  State state_ = State::kOpening;
  std::shared_ptr<http::Strand> strand_;  // null until connected
  std::vector<Task> waiting_;             // for the strand, or for run_unconnected()
  bool running_ = false;                  // a thread is in run_unconnected()
  std::atomic<bool> retired_ = false;
  // On the strand only.
  http2::ClientConnection* connection_ = nullptr;
};

}  // namespace tfe::frontend
