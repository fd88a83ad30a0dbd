// What brings connections to a server: its listener, and the inbox if it has one. Of those that the
// listener brings, some are handed over to another server of the port.
//
// Thread rule: start() before the loop runs, the rest on the loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "base/status.h"
#include "base/unique_fd.h"
#include "net/acceptor.h"
#include "net/inbox.h"
#include "net/listener.h"
#include "net/loop.h"
#include "server/beat_page.h"
#include "server/handoff.h"
#include "server/server_options.h"
#include "server/server_statistics.h"

namespace tfe::server {

class Intake {
 public:
  // What it is on behalf of.
  struct Server {
    const ServerOptions& options;
    ServerTotals& totals;
    BeatPage* beats = nullptr;         // null: nobody wants to know
    const Handoff* handoff = nullptr;  // null: there are no other servers
    std::function<void(base::UniqueFd, const net::SocketAddress&, const net::PassedOn&)> on_client;
    std::function<void(base::UniqueFd, const net::SocketAddress&)> on_link;
    // Clients that the server has now, for the comparison with other servers.
    std::function<std::size_t()> clients;
  };

  // All that `server` refers to must outlive the intake.
  Intake(net::Listener listener, Server server);
  Intake(const Intake&) = delete;
  Intake& operator=(const Intake&) = delete;

  // `loop` must outlive the intake.
  base::Status start(net::Loop& loop);
  // An inbox may have been emptied by the supervisor, which wakes nobody here.
  void look_into_inbox();
  // Takes what waits in the queue of a listener of our own, which closes with the intake.
  void take_waiting();

 private:
  base::Status start_inbox(net::Loop& loop);
  void on_accepted(base::UniqueFd socket, const net::SocketAddress& peer);
  void on_received(base::UniqueFd socket, const net::SocketAddress& peer,
                   const net::PassedOn& connection);
  bool pass_on(int socket);
  void lack(bool lacking);

  const Server server_;
  const net::Listener listener_;
  std::optional<net::Acceptor> acceptor_;
  std::unique_ptr<net::Inbox> inbox_;  // may be null
};

}  // namespace tfe::server
