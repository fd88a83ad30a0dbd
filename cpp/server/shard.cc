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
  auto thread = base::Thread::start(thread_name, [this] {
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

void Shard::adopt(Newcomer newcomer) {
  count_.fetch_add(1, std::memory_order_relaxed);
  loop_->post([this, newcomer = std::move(newcomer)]() mutable { open(std::move(newcomer)); });
}

base::Result<std::unique_ptr<net::Transport>> Shard::make_transport(Newcomer newcomer) {
  if (context_.tls && newcomer.kind != PeerKind::kLink) {
    return context_.tls->accept(std::move(newcomer.socket), newcomer.peer);
  }
  return std::make_unique<net::PlainTransport>(std::move(newcomer.socket), newcomer.peer,
                                               std::move(newcomer.unread));
}

void Shard::open(Newcomer newcomer) {
  const PeerKind kind = newcomer.kind;
  if (aborting_) return gone(kind);
  const auto factory = newcomer.factory;
  const std::uint8_t passed_on = newcomer.passed_on;
  auto transport = make_transport(std::move(newcomer));
  if (!transport) {
    if (context_.on_error) context_.on_error(transport.error());
    return gone(kind);
  }
  auto connection = std::make_shared<Connection>(loop_, *std::move(transport), context_.limits,
                                                 *this, context_.counters);
  open_.emplace(connection.get(), Entry{connection, kind, factory});
  const auto opened = connection->open(factory ? *factory : context_.factory, kind, passed_on);
  if (!opened) {
    if (context_.on_error) context_.on_error(opened.error());
    open_.erase(connection.get());
    return gone(kind);
  }
  if (draining_) connection->notify(kDrain);
}

void Shard::on_closed(Connection& connection) {
  // The visit that closes it holds another reference.
  const auto entry = open_.extract(&connection);
  gone(entry.mapped().kind);
}

void Shard::gone(PeerKind kind) {
  count_.fetch_sub(1, std::memory_order_relaxed);
  context_.on_gone(kind);
  if (aborting_ && open_.empty()) loop_->stop();
}

void Shard::drain() {
  loop_->post([this] {
    draining_ = true;
    notify_all(kDrain);
  });
}

void Shard::disperse() {
  loop_->post([this] { notify_all(kDrain, /*links=*/false); });
}

void Shard::abort() {
  loop_->post([this] {
    aborting_ = true;
    notify_all(kAbort);
    if (open_.empty()) loop_->stop();
  });
}

void Shard::notify_all(Signals signals, bool links) {
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(open_.size());
  for (const auto& [key, entry] : open_) {
    if (links || entry.kind != PeerKind::kLink) all.push_back(entry.connection);
  }
  for (const auto& connection : all) connection->notify(signals);
}

}  // namespace tfe::server
