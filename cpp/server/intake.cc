#include "server/intake.h"

#include <atomic>
#include <utility>

namespace tfe::server {

Intake::Intake(net::Listener listener, Server server)
    : server_(std::move(server)), listener_(std::move(listener)) {}

base::Status Intake::start(net::Loop& loop) {
  net::Acceptor::OnLack on_lack;
  if (server_.beats != nullptr) on_lack = [this](bool lacking) { lack(lacking); };
  acceptor_.emplace(
      loop, listener_,
      [this](base::UniqueFd socket, const net::SocketAddress& peer) {
        on_accepted(std::move(socket), peer);
      },
      server_.options.on_error, std::move(on_lack));
  if (auto watching = acceptor_->start(); !watching) return watching;
  if (server_.options.inbox_fd < 0) return {};
  return start_inbox(loop);
}

base::Status Intake::start_inbox(net::Loop& loop) {
  auto inbox = net::Inbox::open(
      loop, server_.options.inbox_fd,
      [this](base::UniqueFd socket, const net::SocketAddress& peer,
             const net::PassedOn& connection) { on_received(std::move(socket), peer, connection); },
      [this] {
        if (server_.beats != nullptr) server_.beats->clear_announced();
      },
      [this] { return acceptor_->has_room(); });
  if (!inbox) return std::unexpected(std::move(inbox.error()));
  inbox_ = *std::move(inbox);
  return inbox_->start();
}

void Intake::on_accepted(base::UniqueFd socket, const net::SocketAddress& peer) {
  if (!pass_on(socket.get())) server_.on_client(std::move(socket), peer, {});
}

// It stays here however busy this is: two servers must not keep passing one connection.
void Intake::on_received(base::UniqueFd socket, const net::SocketAddress& peer,
                         const net::PassedOn& connection) {
  if (net::SocketAddress::of_local_end(socket.get()).unnamed()) {
    return server_.on_link(std::move(socket), peer);
  }
  server_.totals.received.fetch_add(1, std::memory_order_relaxed);
  server_.on_client(std::move(socket), peer, connection);
}

bool Intake::pass_on(int socket) {
  if (server_.handoff == nullptr || !server_.handoff->pass(socket, server_.clients())) return false;
  server_.beats->count_arrival();
  server_.totals.handed_over.fetch_add(1, std::memory_order_relaxed);
  return true;
}

// The supervisor sees it, and passes to others what comes meanwhile.
void Intake::lack(bool lacking) {
  server_.beats->set_lacking(lacking);
  if (!inbox_) return;
  if (lacking) {
    inbox_->stop();
  } else if (const auto started = inbox_->start(); !started && server_.options.on_error) {
    server_.options.on_error(started.error());
  }
}

void Intake::look_into_inbox() {
  if (inbox_) inbox_->on_io(0);
}

void Intake::take_waiting() {
  acceptor_->stop();
  if (listener_.inherited()) return;
  // The kernel queues one more than the backlog.
  acceptor_->accept_waiting(server_.options.listen.backlog + 1);
}

}  // namespace tfe::server
