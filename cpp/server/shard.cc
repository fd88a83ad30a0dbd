#include "server/shard.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "net/transport.h"
#include "server/beat_page.h"

namespace tfe::server {

Shard::Shard(std::shared_ptr<net::Loop> loop, ShardContext context)
    : loop_(std::move(loop)), context_(std::move(context)) {}

base::Status Shard::start(const std::string& thread_name) {
  auto thread = net::Thread::start(thread_name, [this] {
    if (context_.on_beat) beat();
    loop_->run();
    if (context_.on_end) context_.on_end();
  });
  if (!thread) return std::unexpected(thread.error());
  thread_ = std::move(*thread);
  return {};
}

// From the loop itself: a helper thread would go on beating for a loop that is stuck.
void Shard::beat() {
  const auto now = base::Clock::now();
  context_.on_beat(now);
  loop_->run_at(now + kBeatInterval, [this] { beat(); });
}

std::size_t Shard::in_flight() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(loop_->in_flight(), 0));
}

void Shard::adopt(base::UniqueFd socket, const net::SocketAddress& peer, bool over_cap) {
  count_.fetch_add(1, std::memory_order_relaxed);
  loop_->post([this, socket = std::move(socket), peer, over_cap]() mutable {
    open(std::move(socket), peer, over_cap);
  });
}

base::Result<std::unique_ptr<net::Transport>> Shard::make_transport(
    base::UniqueFd socket, const net::SocketAddress& peer) {
  if (context_.tls) return context_.tls->accept(std::move(socket), peer);
  return std::make_unique<net::PlainTransport>(std::move(socket), peer);
}

void Shard::open(base::UniqueFd socket, const net::SocketAddress& peer, bool over_cap) {
  if (aborting_) return gone(over_cap);
  auto transport = make_transport(std::move(socket), peer);
  if (!transport) {
    if (context_.on_error) context_.on_error(transport.error());
    return gone(over_cap);
  }
  auto connection = std::make_shared<Connection>(loop_, *std::move(transport), context_.limits,
                                                 *this, context_.counters);
  open_.emplace(connection.get(), Entry{connection, over_cap});
  if (const auto opened = connection->open(context_.factory, over_cap); !opened) {
    if (context_.on_error) context_.on_error(opened.error());
    open_.erase(connection.get());
    return gone(over_cap);
  }
  if (draining_) connection->notify(kDrain);
}

void Shard::on_closed(Connection& connection) {
  // The visit that closes it holds another reference.
  const auto entry = open_.find(&connection);
  const bool over_cap = entry->second.over_cap;
  open_.erase(entry);
  gone(over_cap);
}

void Shard::gone(bool over_cap) {
  count_.fetch_sub(1, std::memory_order_relaxed);
  context_.on_gone(over_cap);
  if (aborting_ && open_.empty()) loop_->stop();
}

void Shard::drain() {
  loop_->post([this] {
    draining_ = true;
    notify_all(kDrain);
  });
}

void Shard::abort() {
  loop_->post([this] {
    aborting_ = true;
    notify_all(kAbort);
    if (open_.empty()) loop_->stop();
  });
}

void Shard::notify_all(Signals signals) {
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(open_.size());
  for (const auto& [key, entry] : open_) all.push_back(entry.connection);
  for (const auto& connection : all) connection->notify(signals);
}

}  // namespace tfe::server
