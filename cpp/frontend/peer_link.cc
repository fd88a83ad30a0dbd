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
  // Dropped with the factory, also by a server that ends before it has made the connection.
  const std::shared_ptr<void> on_end(nullptr, [link](void*) { link->end(); });
  auto factory = [link, on_end](const server::Peer&, std::shared_ptr<http::Strand> strand) {
    return link->connect(std::move(strand));
  };
  if (!server.link(std::move(near), std::move(factory))) return nullptr;
  const int fd = far.get();
  return net::pass_descriptors(inbox_fd, {&fd, 1}) ? link : nullptr;
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
    if (state_ == State::kOpening) {
      waiting_.push_back(std::move(task));
      return;
    }
    if (state_ == State::kOpen) strand = strand_;
  }
  if (!strand) return task(nullptr);
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
  std::vector<Task> waiting;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kOver;
    strand_.reset();
    waiting = std::exchange(waiting_, {});
  }
  for (Task& task : waiting) task(nullptr);
}

}  // namespace tfe::frontend
