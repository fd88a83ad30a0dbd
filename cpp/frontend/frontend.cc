#include "frontend/frontend.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace tfe::frontend {
namespace {

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
  options.name = "tfe-" + application.label;
  return options;
}

}  // namespace

Frontend::Frontend(Application application, const Endpoint& endpoint)
    : application_(std::move(application)),
      server_(server_options(endpoint, application_), application_.factory) {}

Frontend::~Frontend() { server_.stop(); }

Statistics Frontend::statistics() const {
  Statistics statistics{server_.statistics()};
  for (const auto& handler : application_.handlers) statistics.requests_total += handler->count();
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
