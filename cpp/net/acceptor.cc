#include "net/acceptor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace tfe::net {
namespace {

// Per turn of the loop, so that a flood of connections cannot keep it from serving those it has.
constexpr int kMaxBurst = 64;
// Long enough to cost nothing, short enough that clients in the queue do not notice.
constexpr std::chrono::milliseconds kBackOff{100};

base::UniqueFd open_reserve() { return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

int accept_socket(int listener, SocketAddress& peer) {
  peer.length = sizeof(peer.storage);
  return ::accept4(listener, peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

// Errors of the listener itself. Any other error of accept(2) concerns the one connection only.
bool is_dead_listener(int error) {
  return error == EBADF || error == EINVAL || error == ENOTSOCK || error == EOPNOTSUPP ||
         error == EFAULT;
}

}  // namespace

Acceptor::Acceptor(Loop& loop, const Listener& listener, OnAccept on_accept, OnError on_error)
    : loop_(loop),
      listener_(listener),
      on_accept_(std::move(on_accept)),
      on_error_(std::move(on_error)),
      reserve_(open_reserve()) {}

base::Status Acceptor::start() {
  // Level-triggered: what one burst leaves is reported again.
  base::Status added = loop_.add(listener_.fd(), EPOLLIN, this);
  watching_ = added.has_value();
  return added;
}

void Acceptor::stop() {
  if (back_off_timer_) loop_.cancel_timer(*std::exchange(back_off_timer_, std::nullopt));
  if (std::exchange(watching_, false)) loop_.remove(listener_.fd(), this);
}

void Acceptor::on_io(std::uint32_t) {
  for (int i = 0; i < kMaxBurst; ++i) {
    switch (accept_one()) {
      case Step::kAccepted:
      case Step::kAgain:
        break;
      case Step::kEmpty:
        return;
      case Step::kBackOff:
        return back_off();
      case Step::kDead:
        return stop();
    }
    if (!watching_) return;  // on_accept_ may have stopped us
  }
}

void Acceptor::accept_waiting() {
  Step step = Step::kAgain;
  while (step == Step::kAccepted || step == Step::kAgain) step = accept_one();
}

Acceptor::Step Acceptor::accept_one() {
  SocketAddress peer;
  base::UniqueFd socket(accept_socket(listener_.fd(), peer));
  if (socket) {
    const int on = 1;
    if (peer.family() != AF_UNIX) {
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    on_accept_(std::move(socket), peer);
    return Step::kAccepted;
  }
  const int error = errno;
  if (error == EAGAIN || error == EWOULDBLOCK) return Step::kEmpty;
  if (error == EMFILE || error == ENFILE) return shed_one();
  if (error == ENOBUFS || error == ENOMEM) {
    report(base::Code::kResourceExhausted, "cannot accept connections", error);
    return Step::kBackOff;
  }
  if (is_dead_listener(error)) {
    report(base::Code::kInternal, "the listening socket is unusable", error);
    return Step::kDead;
  }
  return Step::kAgain;
}

Acceptor::Step Acceptor::shed_one() {
  const int why = errno;
  if (!reserve_) reserve_ = open_reserve();
  if (reserve_) {
    reserve_.reset();
    SocketAddress peer;
    const base::UniqueFd shed(accept_socket(listener_.fd(), peer));
  }
  reserve_ = open_reserve();
  report(base::Code::kResourceExhausted, "cannot accept connections", why);
  // One per back-off: descriptors may come free soon, and then the queue is served after all.
  return Step::kBackOff;
}

void Acceptor::back_off() {
  if (!watching_) return;
  loop_.remove(listener_.fd(), this);
  watching_ = false;
  back_off_timer_ = loop_.run_at(base::Clock::now() + kBackOff, [this] {
    back_off_timer_.reset();
    if (start()) return;
    watching_ = true;  // epoll was out of memory: go round once more
    back_off();
  });
}

void Acceptor::report(base::Code code, const char* what, int error) {
  if (!on_error_) return;
  on_error_({code, std::string(what) + ": " + std::generic_category().message(error)});
}

}  // namespace tfe::net
