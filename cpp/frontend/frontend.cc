#include "frontend/frontend.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace tfe::frontend {
namespace {

std::uint64_t requests(const std::vector<std::shared_ptr<RequestCounter>>& handlers) {
  std::uint64_t sum = 0;
  for (const auto& handler : handlers) sum += handler->count();
  return sum;
}

server::ServerOptions server_options(const Endpoint& endpoint, const Application& application) {
  server::ServerOptions options;
  options.listen.address = endpoint.address;
  options.listen.port = endpoint.port;
  options.listen.reuse_port = endpoint.reuse_port;
  options.listen.inherited_fd = endpoint.inherited_fd;
  options.listen.dual_stack = endpoint.address == "0.0.0.0";
  const auto processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.threads = std::min(endpoint.thread_count, processors);
  options.max_connections = endpoint.max_connections;
  options.refusal_allowance = endpoint.refusal_allowance;
  options.limits.write_timeout = endpoint.write_timeout;
  options.limits.min_write_progress = endpoint.min_write_progress;
  options.limits.handshake_timeout = endpoint.tls.handshake_timeout;
  options.tls = application.tls;
  options.on_error = application.on_error;
  options.inbox_fd = endpoint.inbox_fd;
  options.beats.fd = endpoint.heartbeat_fd;
  options.beats.offset = endpoint.heartbeat_offset;
  options.beats.completed = [handlers = application.handlers] { return requests(handlers); };
  options.handoff = endpoint.handoff;
  options.name = "tfe-" + application.label;
  return options;
}

}  // namespace

Frontend::Frontend(Application application, const Endpoint& endpoint)
    : application_(std::move(application)),
      server_(server_options(endpoint, application_), application_.factory) {
  if (application_.forwarder) application_.forwarder->attach(server_);
}

Frontend::~Frontend() { server_.stop(); }

Statistics Frontend::statistics() const {
  Statistics statistics{server_.statistics(), requests(application_.handlers)};
  if (application_.forwarder) statistics.forwarded = application_.forwarder->statistics();
  return statistics;
}

base::Status Frontend::start_error(base::Status status) const {
  if (!status && status.error().code == base::Code::kAlreadyExists) {
    return base::fail(base::Code::kAlreadyExists,
                      application_.label + " server is already running.");
  }
  return status;
}

base::Status Frontend::stop() {
  if (!server_.running()) {
    return base::fail(base::Code::kUnavailable, application_.label + " server is not running.");
  }
  server_.stop();
  return {};
}

}  // namespace tfe::frontend
