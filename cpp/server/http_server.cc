#include "server/http_server.h"

#include <string>
#include <utility>

#include "net/loop.h"
#include "server/server_run.h"

namespace tfe::server {

using base::Code;

namespace {

// On a thread that a stop may be waiting for.
bool on_server_thread() { return net::Loop::on_any_loop_thread() || Connection::on_any_strand(); }

}  // namespace

HttpServer::HttpServer(ServerOptions options, ProtocolFactory factory)
    : options_(std::move(options)), factory_(std::move(factory)) {}

HttpServer::~HttpServer() { stop(); }

std::shared_ptr<ServerRun> HttpServer::current() const {
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
  if (const auto run = current(); run && on_server_thread()) {
    if (!run->stopping()) return base::fail(Code::kAlreadyExists, "the server is already running");
    return base::fail(Code::kUnavailable,
                      "the server is stopping, and a thread of a server cannot wait for that");
  }
  const std::lock_guard control(control_);
  if (auto run = current()) {
    if (!run->stopping()) return base::fail(Code::kAlreadyExists, "the server is already running");
    finish_stop();
  }
  if (auto valid = validate(); !valid) return valid;
  auto run = std::make_shared<ServerRun>(options_, factory_, totals_);
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
  if (on_server_thread()) return false;
  return run->wait_until_empty(base::Clock::now() + timeout);
}

void HttpServer::disperse() {
  if (const auto run = current()) run->disperse();
}

void HttpServer::stop() {
  const auto run = current();
  if (run) run->begin_stop();
  if (on_server_thread()) return;
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
  ServerStatistics statistics{.accepted_total = totals_.accepted.load(),
                              .refused_total = totals_.refused.load(),
                              .refused_answered_total = totals_.refused_answered.load(),
                              .handed_over_total = totals_.handed_over.load(),
                              .received_total = totals_.received.load(),
                              .handshake_failures_total = totals_.bytes.handshake_failures.load(),
                              .bytes_in = totals_.bytes.bytes_in.load(),
                              .bytes_out = totals_.bytes.bytes_out.load()};
  if (const auto run = current()) {
    statistics.connections = run->clients();
    statistics.in_flight = run->in_flight();
  }
  return statistics;
}

}  // namespace tfe::server
