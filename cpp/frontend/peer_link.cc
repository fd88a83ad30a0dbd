#include "frontend/peer_link.h"

#include <sys/socket.h>

#include <array>
#include <utility>

#include "net/pass_descriptors.h"

namespace tfe::frontend {
namespace {

using Where = http::Strand::Where;

// Windows that let one message through in a piece: the peer's memory is this machine's.
http2::Options link_options() {
  http2::Options options;
  options.stream_window = options.max_stream_window;
  options.connection_window = options.max_connection_window;
  return options;
}

}  // namespace

std::shared_ptr<PeerLink> PeerLink::open(server::HttpServer& server, int inbox_fd) {
  std::array<int, 2> ends{};
  constexpr int kType = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
  if (::socketpair(AF_UNIX, kType, 0, ends.data()) != 0) return nullptr;
  base::UniqueFd near(ends[0]);
  const base::UniqueFd far(ends[1]);
  auto link = std::make_shared<PeerLink>();
  if (!server.link(std::move(near), link->factory())) return nullptr;
  const int fd = far.get();
  return net::pass_descriptors(inbox_fd, {&fd, 1}) ? link : nullptr;
}

server::ProtocolFactory PeerLink::factory() {
  const std::shared_ptr<void> on_end(nullptr, [link = shared_from_this()](void*) { link->end(); });
  return [link = shared_from_this(), on_end](const server::Peer&,
                                             std::shared_ptr<http::Strand> strand) {
    return link->connect(std::move(strand));
  };
}

std::unique_ptr<http::Protocol> PeerLink::connect(std::shared_ptr<http::Strand> strand) {
  static const http2::Options options = link_options();
  auto made = std::make_unique<http2::ClientConnection>(options, [self = shared_from_this()] {
    self->connection_ = nullptr;
    self->end();
  });
  connection_ = made.get();
  std::vector<Task> waiting;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kOpen;
    strand_ = std::move(strand);
    waiting = std::exchange(waiting_, {});
  }
  for (Task& task : waiting) post(std::move(task), Where::kLoop);
  return made;
}

void PeerLink::post(Task task, Where where) {
  std::shared_ptr<http::Strand> strand;
  {
    const std::lock_guard lock(mutex_);
    strand = strand_;
    if (!strand) waiting_.push_back(std::move(task));
    if (state_ == State::kOpening) return;
  }
  if (!strand) return run_unconnected();
  strand->post(
      [self = shared_from_this(), task = std::move(task)]() mutable {
        if (self->connection_ != nullptr && !self->connection_->open()) self->retired_ = true;
        task(self->connection_);
      },
      where);
}

bool PeerLink::usable() const {
  if (retired_.load(std::memory_order_relaxed)) return false;
  const std::lock_guard lock(mutex_);
  return state_ != State::kOver;
}

void PeerLink::end() {
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kOver;
    if (strand_) return;  // closed soon, but it still serializes
  }
  run_unconnected();
}

void PeerLink::run_unconnected() {
  std::unique_lock lock(mutex_);
  if (std::exchange(running_, true)) return;  // that thread takes ours, too
  while (!waiting_.empty()) {
    std::vector<Task> tasks = std::exchange(waiting_, {});
    lock.unlock();
    for (Task& task : tasks) task(nullptr);
    tasks.clear();
    lock.lock();
  }
  running_ = false;
}

}  // namespace tfe::frontend
