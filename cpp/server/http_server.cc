#include "server/http_server.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <optional>
#include <utility>
#include <vector>

#include "net/acceptor.h"
#include "net/inbox.h"
#include "server/shard.h"

namespace tfe::server {

using base::Code;

struct HttpServer::Totals {
  std::atomic<std::uint64_t> accepted = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<std::uint64_t> refused_answered = 0;
  std::atomic<std::uint64_t> handed_over = 0;
  std::atomic<std::uint64_t> received = 0;
  Counters bytes;
};

// Everything between one start() and its stop().
class HttpServer::Run {
 public:
  Run(const ServerOptions& options, const ProtocolFactory& factory, Totals& totals)
      : options_(options), factory_(factory), totals_(totals) {}
  ~Run() { join(); }

  base::Status start();
  void begin_drain();
  bool wait_until_empty(base::TimePoint until);
  void begin_stop();
  void join();
  bool adopt(base::UniqueFd socket);
  bool link(base::UniqueFd socket, ProtocolFactory factory);

  std::uint16_t port() const { return port_; }
  bool stopping() const { return stopping_.load(); }
  std::size_t connections() const { return connections_.load(std::memory_order_relaxed); }
  std::size_t clients() const;  // of them
  std::size_t in_flight() const;

 private:
  base::Status make_shards();
  base::Status watch();
  void lack(bool lacking);
  base::Status map_beats();
  void beat(std::size_t shard, base::TimePoint now);
  bool hand_over(int socket);
  void accepted(base::UniqueFd socket, const net::SocketAddress& peer);
  void add(Newcomer newcomer);
  void connection_gone(PeerKind kind);
  Shard& least_busy();
  void close_listener(bool take_waiting);

  const ServerOptions& options_;
  const ProtocolFactory& factory_;
  Totals& totals_;
  std::unique_ptr<BeatPage> beats_;  // outlives the shards; null: nobody wants to know
  std::vector<std::unique_ptr<Shard>> shards_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> draining_ = false;

  // On the first shard's loop. The acceptor goes before the listener it watches.
  std::optional<net::Listener> listener_;
  std::optional<net::Acceptor> acceptor_;
  std::unique_ptr<net::Inbox> inbox_;  // may be null
  std::unique_ptr<Handoff> handoff_;   // may be null

  std::atomic<std::size_t> connections_ = 0;
  std::atomic<std::size_t> links_ = 0;          // of them
  std::atomic<std::size_t> being_refused_ = 0;  // of them
  std::mutex mutex_;
  std::condition_variable changed_;
  bool listening_ = false;  // guarded by mutex_: no more connections can come once false
};

base::Status HttpServer::Run::start() {
  auto listener = net::Listener::open(options_.listen);
  if (!listener) return std::unexpected(listener.error());
  listener_.emplace(std::move(*listener));
  port_ = listener_->port();
  if (auto mapped = map_beats(); !mapped) return mapped;
  if (auto made = make_shards(); !made) return made;
  if (auto watching = watch(); !watching) return watching;
  listening_ = true;
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

base::Status HttpServer::Run::make_shards() {
  ShardContext context{.factory = factory_,
                       .limits = options_.limits,
                       .counters = totals_.bytes,
                       .tls = options_.tls,
                       .on_gone = [this](PeerKind kind) { connection_gone(kind); },
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

// What brings connections, all on the first shard's loop.
base::Status HttpServer::Run::watch() {
  const auto on_socket = [this](base::UniqueFd socket, const net::SocketAddress& peer) {
    if (net::SocketAddress::of_local_end(socket.get()).unnamed()) {
      return add({.socket = std::move(socket), .peer = peer, .kind = PeerKind::kLink});
    }
    totals_.received.fetch_add(1, std::memory_order_relaxed);
    accepted(std::move(socket), peer);
  };
  net::Loop& loop = shards_.front()->loop();
  net::Acceptor::OnLack on_lack;
  if (beats_) on_lack = [this](bool lacking) { lack(lacking); };
  // What came through the inbox stays here: two servers must not keep passing one connection.
  acceptor_.emplace(
      loop, *listener_,
      [this](base::UniqueFd socket, const net::SocketAddress& peer) {
        if (!hand_over(socket.get())) accepted(std::move(socket), peer);
      },
      options_.on_error, std::move(on_lack));
  if (auto watching = acceptor_->start(); !watching) return watching;
  if (options_.inbox_fd < 0) return {};
  const auto on_empty = [this] {
    if (beats_) beats_->clear_announced();
  };
  auto inbox = net::Inbox::open(loop, options_.inbox_fd, on_socket, on_empty,
                                [this] { return acceptor_->has_room(); });
  if (!inbox) return std::unexpected(inbox.error());
  inbox_ = *std::move(inbox);
  return inbox_->start();
}

// The supervisor sees it, and passes to others what comes meanwhile.
void HttpServer::Run::lack(bool lacking) {
  beats_->set_lacking(lacking);
  if (!inbox_) return;
  if (lacking) {
    inbox_->stop();
  } else if (const auto started = inbox_->start(); !started && options_.on_error) {
    options_.on_error(started.error());
  }
}

base::Status HttpServer::Run::map_beats() {
  if (options_.beats.fd < 0) return {};
  auto page = BeatPage::map(options_.beats.fd, options_.beats.offset);
  if (!page) return std::unexpected(page.error());
  beats_ = *std::move(page);
  if (options_.handoff.slack == 0 || options_.handoff.peers.empty()) return {};
  auto handoff = Handoff::open(options_.handoff, options_.beats.fd);
  if (!handoff) return std::unexpected(handoff.error());
  handoff_ = *std::move(handoff);
  return {};
}

void HttpServer::Run::beat(std::size_t shard, base::TimePoint now) {
  beats_->beat(shard, now);
  if (shard != 0) return;
  // The supervisor may have emptied it, which wakes nobody here.
  if (inbox_) inbox_->on_io(0);
  beats_->set_requests(in_flight(), options_.beats.completed ? options_.beats.completed() : 0);
}

bool HttpServer::Run::hand_over(int socket) {
  if (!handoff_ || !handoff_->pass(socket, clients())) return false;
  beats_->count_arrival();
  totals_.handed_over.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool HttpServer::Run::adopt(base::UniqueFd socket) {
  net::SocketAddress peer;
  if (stopping_ || draining_ || !net::prepare_socket(socket.get(), peer)) return false;
  return shards_.front()->loop().post([this, socket = std::move(socket), peer]() mutable {
    if (acceptor_) accepted(std::move(socket), peer);  // else a drain or a stop came between
  });
}

void HttpServer::Run::accepted(base::UniqueFd socket, const net::SocketAddress& peer) {
  if (beats_) beats_->count_arrival();
  // Only this thread adds to the two.
  const std::size_t refusing = being_refused_.load(std::memory_order_relaxed);
  const bool over_cap = clients() >= options_.max_connections + refusing;
  if (over_cap) {
    totals_.refused.fetch_add(1, std::memory_order_relaxed);
    if (refusing >= options_.refusal_allowance) return;
    totals_.refused_answered.fetch_add(1, std::memory_order_relaxed);
    being_refused_.fetch_add(1, std::memory_order_relaxed);
  } else {
    totals_.accepted.fetch_add(1, std::memory_order_relaxed);
  }
  if (beats_) beats_->add_connections(1);
  add({.socket = std::move(socket),
       .peer = peer,
       .kind = over_cap ? PeerKind::kOverCap : PeerKind::kClient});
}

bool HttpServer::Run::link(base::UniqueFd socket, ProtocolFactory factory) {
  if (stopping_ || draining_) return false;
  const auto shared = std::make_shared<const ProtocolFactory>(std::move(factory));
  return shards_.front()->loop().post([this, socket = std::move(socket), shared]() mutable {
    if (!acceptor_) return;
    const auto peer = net::SocketAddress::of_local_end(socket.get());
    add({.socket = std::move(socket), .peer = peer, .kind = PeerKind::kLink, .factory = shared});
  });
}

void HttpServer::Run::add(Newcomer newcomer) {
  connections_.fetch_add(1, std::memory_order_relaxed);
  if (newcomer.kind == PeerKind::kLink) links_.fetch_add(1, std::memory_order_relaxed);
  least_busy().adopt(std::move(newcomer));
}

Shard& HttpServer::Run::least_busy() {
  Shard* best = shards_.front().get();
  for (const auto& shard : shards_) {
    if (shard->connections() < best->connections()) best = shard.get();
  }
  return *best;
}

void HttpServer::Run::connection_gone(PeerKind kind) {
  // First: the two may be read between, and too high a count only lets one in too early.
  if (kind == PeerKind::kOverCap) being_refused_.fetch_sub(1, std::memory_order_relaxed);
  if (kind == PeerKind::kLink) links_.fetch_sub(1, std::memory_order_relaxed);
  if (beats_ && kind != PeerKind::kLink) beats_->add_connections(-1);
  if (connections_.fetch_sub(1, std::memory_order_relaxed) != 1) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

std::size_t HttpServer::Run::clients() const {
  const std::size_t links = links_.load(std::memory_order_relaxed);
  const std::size_t all = connections();
  return all - std::min(links, all);  // the two may be read between their changes
}

std::size_t HttpServer::Run::in_flight() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->in_flight();
  return sum;
}

// On the first shard's loop.
void HttpServer::Run::close_listener(bool take_waiting) {
  if (!acceptor_) return;
  acceptor_->stop();
  if (take_waiting && !listener_->inherited()) acceptor_->accept_waiting();
  acceptor_.reset();
  inbox_.reset();
  listener_.reset();
  const std::lock_guard lock(mutex_);
  listening_ = false;
  changed_.notify_all();
}

void HttpServer::Run::begin_drain() {
  if (draining_.exchange(true)) return;
  shards_.front()->loop().post([this] {
    close_listener(true);
    for (const auto& shard : shards_) shard->drain();
  });
}

bool HttpServer::Run::wait_until_empty(base::TimePoint until) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, until, [this] { return !listening_ && connections() == 0; });
}

void HttpServer::Run::begin_stop() {
  if (stopping_.exchange(true)) return;
  // Posted from the loop that accepts: each shard gets its last connection before its end.
  shards_.front()->loop().post([this] {
    close_listener(false);
    for (const auto& shard : shards_) shard->abort();
  });
}

void HttpServer::Run::join() {
  for (const auto& shard : shards_) shard->join();
}

HttpServer::HttpServer(ServerOptions options, ProtocolFactory factory)
    : options_(std::move(options)),
      factory_(std::move(factory)),
      totals_(std::make_unique<Totals>()) {}

HttpServer::~HttpServer() { stop(); }

std::shared_ptr<HttpServer::Run> HttpServer::current() const {
  const std::lock_guard lock(run_mutex_);
  return run_;
}

base::Status HttpServer::validate() const {
  if (options_.threads < 1 || options_.threads > 256) {
    return base::fail(Code::kInvalidArgument,
                      "threads: expected 1..256, got " + std::to_string(options_.threads));
  }
  if (options_.max_connections < 1) {
    return base::fail(Code::kInvalidArgument, "max_connections: expected at least 1");
  }
  return {};
}

base::Status HttpServer::start() {
  const std::lock_guard control(control_);
  if (auto run = current()) {
    if (!run->stopping()) return base::fail(Code::kAlreadyExists, "the server is already running");
    finish_stop();
  }
  if (auto valid = validate(); !valid) return valid;
  auto run = std::make_shared<Run>(options_, factory_, *totals_);
  if (auto started = run->start(); !started) return started;
  const std::lock_guard lock(run_mutex_);
  run_ = std::move(run);
  return {};
}

std::uint16_t HttpServer::port() const {
  const auto run = current();
  return run ? run->port() : std::uint16_t{0};
}

bool HttpServer::running() const {
  const auto run = current();
  return run && !run->stopping();
}

bool HttpServer::drain(base::Duration timeout) {
  const auto run = current();
  if (!run) return true;
  run->begin_drain();
  if (net::Loop::on_any_loop_thread() || Connection::on_any_strand()) return false;
  return run->wait_until_empty(base::Clock::now() + timeout);
}

void HttpServer::stop() {
  const auto run = current();
  if (run) run->begin_stop();
  if (net::Loop::on_any_loop_thread() || Connection::on_any_strand()) return;
  const std::lock_guard control(control_);
  if (current() == run) finish_stop();
}

// With control_ held.
void HttpServer::finish_stop() {
  const auto run = current();
  if (!run) return;
  run->join();
  const std::lock_guard lock(run_mutex_);
  run_.reset();
}

bool HttpServer::adopt(base::UniqueFd socket) {
  const auto run = current();
  return run && run->adopt(std::move(socket));
}

bool HttpServer::link(base::UniqueFd socket, ProtocolFactory factory) {
  const auto run = current();
  return run && run->link(std::move(socket), std::move(factory));
}

ServerStatistics HttpServer::statistics() const {
  ServerStatistics statistics{.accepted_total = totals_->accepted.load(),
                              .refused_total = totals_->refused.load(),
                              .refused_answered_total = totals_->refused_answered.load(),
                              .handed_over_total = totals_->handed_over.load(),
                              .received_total = totals_->received.load(),
                              .handshake_failures_total = totals_->bytes.handshake_failures.load(),
                              .bytes_in = totals_->bytes.bytes_in.load(),
                              .bytes_out = totals_->bytes.bytes_out.load()};
  if (const auto run = current()) {
    statistics.connections = run->clients();
    statistics.in_flight = run->in_flight();
  }
  return statistics;
}

}  // namespace tfe::server
