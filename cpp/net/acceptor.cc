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

#include "net/spare_descriptors.h"

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

Acceptor::Acceptor(Loop& loop, const Listener& listener, OnAccept on_accept, OnError on_error,
                   OnLack on_lack)
    : loop_(loop),
      listener_(listener),
      on_accept_(std::move(on_accept)),
      on_error_(std::move(on_error)),
      on_lack_(std::move(on_lack)),
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

void Acceptor::accept_waiting(int most) {
  Step step = Step::kAgain;
  for (int i = 0; i < most && (step == Step::kAccepted || step == Step::kAgain); ++i) {
    step = accept_one();
  }
}

Acceptor::Step Acceptor::accept_one() {
  SocketAddress peer;
  base::UniqueFd socket(accept_socket(listener_.fd(), peer));
  if (socket) {
    const int on = 1;
    if (peer.family() != AF_UNIX) {
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const int newest = socket.get();
    on_accept_(std::move(socket), peer);
    return taken(newest);
  }
  const int error = errno;
  if (error == EAGAIN || error == EWOULDBLOCK) return Step::kEmpty;
  if (error == EMFILE || error == ENFILE) return out_of_descriptors(error);
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

Acceptor::Step Acceptor::taken(int newest) {
  if (!on_lack_ || was_below_limit(newest, kSpareDescriptors)) return Step::kAccepted;
  begin_lack(EMFILE);
  return Step::kBackOff;
}

Acceptor::Step Acceptor::out_of_descriptors(int error) {
  if (!on_lack_) return shed_one(error);
  begin_lack(error);
  return Step::kBackOff;
}

Acceptor::Step Acceptor::shed_one(int error) {
  if (!reserve_) reserve_ = open_reserve();
  if (reserve_) {
    reserve_.reset();
    SocketAddress peer;
    const base::UniqueFd shed(accept_socket(listener_.fd(), peer));
  }
  reserve_ = open_reserve();
  report(base::Code::kResourceExhausted, "cannot accept connections", error);
  // One per back-off: descriptors may come free soon, and then the queue is served after all.
  return Step::kBackOff;
}

bool Acceptor::has_room() {
  if (lacking_) return false;
  if (!on_lack_ || descriptors_left(listener_.fd(), kSpareDescriptors)) return true;
  begin_lack(EMFILE);
  back_off();
  if (!back_off_timer_) try_later();  // the listener had been given up
  return false;
}

void Acceptor::begin_lack(int error) {
  if (std::exchange(lacking_, true)) return;
  // Given back when the lack ends: what is left is for the rest of the process.
  reserve_.reset();
  report(base::Code::kResourceExhausted, "cannot accept connections", error);
  on_lack_(true);
}

// The end needs twice the room of the start, so that the next connection does not bring it back,
// and a new open file, which the whole machine may lack.
bool Acceptor::lack_goes_on() {
  if (!lacking_) return false;
  if (descriptors_free(listener_.fd(), 2 * kSpareDescriptors)) reserve_ = open_reserve();
  if (!reserve_) return true;
  lacking_ = false;
  on_lack_(false);
  return false;
}

void Acceptor::back_off() {
  if (!watching_) return;
  loop_.remove(listener_.fd(), this);
  watching_ = false;
  try_later();
}

void Acceptor::try_later() {
  back_off_timer_ = loop_.run_at(base::Clock::now() + kBackOff, [this] {
    back_off_timer_.reset();
    if (lack_goes_on() || !start()) try_later();  // epoll may be out of memory
  });
}

void Acceptor::report(base::Code code, const char* what, int error) {
  if (!on_error_) return;
  on_error_({code, std::string(what) + ": " + std::generic_category().message(error)});
}

}  // namespace tfe::net
