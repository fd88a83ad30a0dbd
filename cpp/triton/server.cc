#include "triton/server.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include "triton/library.h"
#include "triton/request_context.h"
#include "triton/server_registry.h"

namespace tfe::triton {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Unloading a model within about a millisecond of its load or its last request can crash the core
// (2.51: unsynchronised queue of a backend thread). Seen with no pause, never with this one.
constexpr milliseconds kQuietBeforeStop{300};
// Other models may be busy for ever, so an unload waits this long at most.
constexpr milliseconds kQuietBeforeUnload{100};
constexpr milliseconds kPollInterval{5};

// A server that nothing refers to any more.
struct Remains {
  std::shared_ptr<const Library> library;
  TRITONSERVER_Server* handle;
  bool stopped;
  bool keep;
  base::TimePoint quiet_at;
};

// Odd, as no address of an object is.
std::uint64_t next_identity() {
  static std::atomic<std::uint64_t> next = 1;
  return next.fetch_add(2, std::memory_order_relaxed);
}

void dispose(const Remains& server) {
  ServerRegistry& registry = ServerRegistry::global();
  if (!server.stopped) {
    std::this_thread::sleep_until(server.quiet_at);
    const Api& api = server.library->api();
    // A server that does not stop is never deleted, nor is any other: ended() is not called.
    if (!call(api, api.ServerStop, server.handle)) return registry.keep(server.handle);
    registry.ended();
  }
  if (server.keep) return registry.keep(server.handle);
  registry.retire(server.library, server.handle);
}

}  // namespace

Server::Server(std::shared_ptr<const Library> library, TRITONSERVER_Server* handle,
               Ownership ownership, unsigned exit_timeout)
    : library_(std::move(library)),
      handle_(handle),
      ownership_(ownership),
      identity_(ownership == Ownership::kOwned ? next_identity() : address()),
      exit_timeout_(std::max(exit_timeout, 1U)),
      process_(::getpid()),
      last_activity_(base::Clock::now()) {}

base::Result<std::shared_ptr<Server>> Server::adopt(std::shared_ptr<const Library> library,
                                                    std::uintptr_t address) {
  if (address == 0) return base::fail(base::Code::kInvalidArgument, "server address is null");
  ServerRegistry& registry = ServerRegistry::global();
  if (auto known = registry.find(address)) return known;
  registry.began();
  std::shared_ptr<Server> server(new Server(
      std::move(library), reinterpret_cast<TRITONSERVER_Server*>(address), Ownership::kForeign, 1));
  registry.add(server);
  return server;
}

Server::~Server() {
  ServerRegistry& registry = ServerRegistry::global();
  registry.remove(address());
  if (process_ != ::getpid()) return;
  if (ownership_ == Ownership::kForeign) {
    registry.ended();
    return;
  }
  const Remains remains{library_, handle_, stopped(), keep_forever_,
                        last_activity_.load() + kQuietBeforeStop};
  if (registry.leaving()) {
    // From a request that ends while the process does: too late to stop or delete anything.
    registry.keep(handle_);
  } else if (!in_callback()) {
    dispose(remains);
  } else if (!registry.run_apart([remains] { dispose(remains); })) {
    // Apart, because waiting for the core inside one of its callbacks would deadlock.
    registry.keep(handle_);
  }
}

const Api& Server::api() const { return library_->api(); }

base::Status Server::running() const {
  if (stopped()) return base::fail(base::Code::kUnavailable, "Server not ready");
  return {};
}

base::Error Server::explain(base::Error error) const {
  if (ownership_ != Ownership::kForeign || error.code != base::Code::kNotFound || live()) {
    return error;
  }
  return {base::Code::kUnavailable, "Server not ready"};
}

void Server::request_ended() {
  touch();
  in_flight_.fetch_sub(1);
}

std::uintptr_t Server::lend_address() {
  keep_forever_ = true;
  return address();
}

base::Status Server::stop() {
  if (ownership_ == Ownership::kForeign) {
    return base::fail(base::Code::kUnsupported, "this server can be stopped by its maker only");
  }
  if (in_callback()) {
    return base::fail(base::Code::kUnsupported, "the server cannot be stopped from a callback");
  }
  if (stopped_.exchange(true)) return {};
  const base::TimePoint deadline = base::Clock::now() + seconds(exit_timeout_);
  wait_until_quiet(deadline);
  const auto left = std::chrono::ceil<seconds>(deadline - base::Clock::now()).count();
  auto status = stop_core(static_cast<unsigned>(std::max<std::int64_t>(left, 1)));
  if (status) {
    ServerRegistry::global().ended();
  } else {
    keep_forever_ = true;
  }
  return status;
}

void Server::wait_until_quiet(base::TimePoint deadline) const {
  for (;;) {
    const base::TimePoint now = base::Clock::now();
    const base::TimePoint quiet_at =
        last_activity_.load(std::memory_order_relaxed) + kQuietBeforeStop;
    if (now >= deadline) return;
    if (in_flight_.load() > 0) {
      std::this_thread::sleep_for(kPollInterval);
    } else if (now < quiet_at) {
      std::this_thread::sleep_until(std::min(quiet_at, deadline));
    } else {
      return;
    }
  }
}

void Server::pause_before_unload() const {
  const base::TimePoint now = base::Clock::now();
  const base::TimePoint quiet_at =
      last_activity_.load(std::memory_order_relaxed) + kQuietBeforeUnload;
  if (now < quiet_at) std::this_thread::sleep_until(quiet_at);
}

base::Status Server::stop_core(unsigned exit_timeout) {
  if (api().ServerSetExitTimeout) {
    if (auto status = call(api(), api().ServerSetExitTimeout, handle_, exit_timeout); !status) {
      return status;
    }
  }
  return call(api(), api().ServerStop, handle_);
}

base::Result<bool> Server::live() const {
  if (stopped()) return base::fail(base::Code::kUnavailable, "Server exiting");
  bool live = false;
  auto status = call(api(), api().ServerIsLive, handle_, &live);
  if (!status) return std::unexpected(std::move(status.error()));
  return live;
}

base::Result<bool> Server::ready() const {
  if (stopped()) return base::fail(base::Code::kUnavailable, "Server exiting");
  bool ready = false;
  auto status = call(api(), api().ServerIsReady, handle_, &ready);
  if (!status) return std::unexpected(std::move(status.error()));
  return ready;
}

base::Result<bool> Server::model_ready(const std::string& name, std::int64_t version) const {
  bool ready = false;
  auto status = running();
  if (status)
    status = call(api(), api().ServerModelIsReady, handle_, name.c_str(), version, &ready);
  if (!status) return std::unexpected(std::move(status.error()));
  return ready;
}

}  // namespace tfe::triton
