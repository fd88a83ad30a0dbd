// One loop thread of a server and the connections that live on it.
//
// Thread rule: adopt(), drain(), abort(), connections() and in_flight() from any thread; the rest
// runs on the loop. The thread ends when abort() was called and the last connection is closed.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/status.h"
#include "base/thread.h"
#include "base/unique_fd.h"
#include "net/loop.h"
#include "net/tls_context.h"
#include "server/connection.h"

namespace tfe::server {

struct ShardContext {
  const ProtocolFactory& factory;
  const ConnectionLimits& limits;
  Counters& counters;
  std::shared_ptr<net::TlsContext> tls;  // null: clear text
  // A connection that adopt() took has gone. On the shard's thread.
  std::function<void(PeerKind kind)> on_gone;
  // See ConnectionOwner::hand_over.
  std::function<http::HandedOver(int socket, const net::PassedOn& connection)> hand_over;
  std::function<void(const base::Error&)> on_error;  // may be empty
  // Every kBeatInterval, and when the thread ends; both on the shard's thread, both may be empty.
  std::function<void(base::TimePoint now)> on_beat = {};
  std::function<void()> on_end = {};
};

// A connection on its way to a shard.
struct Newcomer {
  base::UniqueFd socket;
  net::SocketAddress peer;
  PeerKind kind = PeerKind::kClient;
  // Makes its protocol; null: the server's own factory.
  std::shared_ptr<const ProtocolFactory> factory = nullptr;
  // See net::PassedOn.
  std::string unread = {};
  std::uint8_t passed_on = 0;
};

class Shard final : public ConnectionOwner {
 public:
  // All that `context` refers to must outlive the shard's thread.
  Shard(std::shared_ptr<net::Loop> loop, ShardContext context);

  base::Status start(const std::string& thread_name);
  void join() { thread_.join(); }

  void adopt(Newcomer newcomer);
  void drain();
  // Drains the clients of this moment, and not the links.
  void disperse();
  void abort();

  net::Loop& loop() { return *loop_; }
  // Counted from adopt() on.
  std::size_t connections() const { return count_.load(std::memory_order_relaxed); }
  std::size_t in_flight() const;

  void on_closed(Connection& connection) override;
  http::HandedOver hand_over(int socket, const net::PassedOn& connection) override {
    return context_.hand_over(socket, connection);
  }

 private:
  struct Entry {
    std::shared_ptr<Connection> connection;
    PeerKind kind = PeerKind::kClient;
    std::shared_ptr<const ProtocolFactory> factory;
  };

  void beat();
  void open(Newcomer newcomer);
  base::Result<std::unique_ptr<net::Transport>> make_transport(Newcomer newcomer);
  void notify_all(Signals signals, bool links = true);
  void gone(PeerKind kind);

  const std::shared_ptr<net::Loop> loop_;
  const ShardContext context_;
  std::atomic<std::size_t> count_ = 0;
  std::unordered_map<Connection*, Entry> open_;
  bool draining_ = false;
  bool aborting_ = false;
  base::Thread thread_;
};

}  // namespace tfe::server
