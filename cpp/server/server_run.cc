#include "server/server_run.h"

#include <optional>
#include <string>
#include <utility>

#include "net/inbox.h"
#include "net/listener.h"
#include "net/loop.h"

namespace tfe::server {

base::Status ServerRun::start() {
  if (auto opened = open(); !opened) return opened;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const auto started = shards_[i]->start(options_.name + "-" + std::to_string(i));
    if (!started) {
      begin_stop();
      // Those without a thread run their last tasks here.
      for (std::size_t j = i; j < shards_.size(); ++j) shards_[j]->loop().run();
      join();
      return started;
    }
  }
  return {};
}

// All but the threads.
base::Status ServerRun::open() {
  auto listener = net::Listener::open(options_.listen);
  if (!listener) return std::unexpected(listener.error());
  port_ = listener->port();
  if (auto mapped = map_beats(); !mapped) return mapped;
  if (auto opened = open_handoff(); !opened) return opened;
  make_intake(*std::move(listener));
  if (auto made = make_shards(); !made) return made;
  return intake_->start(shards_.front()->loop());
}

base::Status ServerRun::map_beats() {
  if (options_.beats.fd < 0) return {};
  auto page = BeatPage::map(options_.beats.fd, options_.beats.offset);
  if (!page) return std::unexpected(page.error());
  beats_ = *std::move(page);
  return {};
}

base::Status ServerRun::open_handoff() {
  if (!beats_ || options_.handoff.peers.empty()) return {};
  auto handoff = Handoff::open(options_.handoff, options_.beats.fd);
  if (!handoff) return std::unexpected(handoff.error());
  handoff_ = *std::move(handoff);
  return {};
}

void ServerRun::make_intake(net::Listener listener) {
  Intake::Server server{.options = options_,
                        .totals = totals_,
                        .beats = beats_.get(),
                        .handoff = handoff_.get(),
                        .on_client =
                            [this](base::UniqueFd socket, const net::SocketAddress& peer,
                                   const net::PassedOn& connection) {
                              add_client(std::move(socket), peer, connection);
                            },
                        .on_link =
                            [this](base::UniqueFd socket, const net::SocketAddress& peer) {
                              add_link({.socket = std::move(socket), .peer = peer});
                            },
                        .clients = [this] { return clients(); }};
  intake_ = std::make_unique<Intake>(std::move(listener), std::move(server));
}

base::Status ServerRun::make_shards() {
  ShardContext context{.factory = factory_,
                       .limits = options_.limits,
                       .counters = totals_.bytes,
                       .tls = options_.tls,
                       .on_gone = [this](PeerKind kind) { connection_gone(kind); },
                       .hand_over =
                           [this](int socket, const net::PassedOn& connection) {
                             return hand_over(socket, connection);
                           },
                       .on_error = options_.on_error};
  if (beats_) beats_->begin(static_cast<std::size_t>(options_.threads));
  for (int i = 0; i < options_.threads; ++i) {
    auto loop = net::Loop::create(options_.loop);
    if (!loop) return std::unexpected(loop.error());
    if (beats_) {
      const auto index = static_cast<std::size_t>(i);
      context.on_beat = [this, index](base::TimePoint now) { beat(index, now); };
      context.on_end = [this, index] { beats_->ended(index); };
    }
    shards_.push_back(std::make_unique<Shard>(std::move(*loop), context));
  }
  return {};
}

void ServerRun::beat(std::size_t shard, base::TimePoint now) {
  beats_->beat(shard, now);
  if (shard != 0) return;
  if (intake_) intake_->look_into_inbox();
  beats_->set_requests(in_flight(), options_.beats.completed ? options_.beats.completed() : 0);
}

bool ServerRun::adopt(base::UniqueFd socket) {
  net::SocketAddress peer;
  if (stopping_ || draining_ || !net::prepare_socket(socket.get(), peer)) return false;
  return shards_.front()->loop().post([this, socket = std::move(socket), peer]() mutable {
    if (intake_) add_client(std::move(socket), peer, {});  // else a drain or a stop came between
  });
}

bool ServerRun::link(base::UniqueFd socket, ProtocolFactory factory) {
  if (stopping_ || draining_) return false;
  const auto shared = std::make_shared<const ProtocolFactory>(std::move(factory));
  return shards_.front()->loop().post([this, socket = std::move(socket), shared]() mutable {
    if (!intake_) return;
    const auto peer = net::SocketAddress::of_local_end(socket.get());
    add_link({.socket = std::move(socket), .peer = peer, .factory = shared});
  });
}

void ServerRun::add_client(base::UniqueFd socket, const net::SocketAddress& peer,
                           const net::PassedOn& connection) {
  if (beats_) beats_->count_arrival();
  const std::optional<PeerKind> kind = occupancy_.admit();
  if (!kind) return;
  if (beats_) beats_->add_connections(1);
  least_busy().adopt({.socket = std::move(socket),
                      .peer = peer,
                      .kind = *kind,
                      .unread = std::string(base::as_text(connection.unread)),
                      .passed_on = connection.times});
}

http::HandedOver ServerRun::hand_over(int socket, const net::PassedOn& connection) {
  if (!handoff_) return http::HandedOver::kNobody;
  const auto outcome = handoff_->divert(socket, connection, options_.max_connections);
  if (outcome == http::HandedOver::kGone) {
    totals_.handed_over.fetch_add(1, std::memory_order_relaxed);
  }
  return outcome;
}

void ServerRun::add_link(Newcomer newcomer) {
  newcomer.kind = PeerKind::kLink;
  occupancy_.add_link();
  least_busy().adopt(std::move(newcomer));
}

Shard& ServerRun::least_busy() {
  Shard* best = shards_.front().get();
  for (const auto& shard : shards_) {
    if (shard->connections() < best->connections()) best = shard.get();
  }
  return *best;
}

void ServerRun::connection_gone(PeerKind kind) {
  if (beats_ && kind != PeerKind::kLink) beats_->add_connections(-1);
  occupancy_.leave(kind);
}

std::size_t ServerRun::in_flight() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->in_flight();
  return sum;
}

// On the first shard's loop.
void ServerRun::close_intake(bool take_waiting) {
  if (!intake_) return;
  if (take_waiting) intake_->take_waiting();
  intake_.reset();
  occupancy_.close();
}

void ServerRun::begin_drain() {
  if (draining_.exchange(true)) return;
  shards_.front()->loop().post([this] {
    close_intake(true);
    for (const auto& shard : shards_) shard->drain();
  });
}

void ServerRun::disperse() {
  for (const auto& shard : shards_) shard->disperse();
}

void ServerRun::begin_stop() {
  if (stopping_.exchange(true)) return;
  // Posted from the loop that accepts: each shard gets its last connection before its end.
  shards_.front()->loop().post([this] {
    close_intake(false);
    for (const auto& shard : shards_) shard->abort();
  });
}

void ServerRun::join() {
  for (const auto& shard : shards_) shard->join();
}

}  // namespace tfe::server
