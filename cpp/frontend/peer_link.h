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

  // Runs `task` on the connection's strand, or at once where there is no connection any more.
  void post(Task task, http::Strand::Where where);
  // False once it takes no further requests.
  bool usable() const;

 private:
  // Not yet connected, connected, or over.
  enum class State : std::uint8_t { kOpening, kOpen, kOver };

  std::unique_ptr<http::Protocol> connect(std::shared_ptr<http::Strand> strand);
  void end();

  mutable std::mutex mutex_;
  State state_ = State::kOpening;
  std::shared_ptr<http::Strand> strand_;
  std::vector<Task> waiting_;  // for the strand
  std::atomic<bool> retired_ = false;
  // On the strand only.
  http2::ClientConnection* connection_ = nullptr;
};

}  // namespace tfe::frontend
