#include "net/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "base/thread.h"
#include "net/test_socket.h"

namespace tfe::net {
namespace {

using test::Client;
using test::eventually;

// An acceptor on a loop of its own; what it accepts is kept.
class Rig {
 public:
  explicit Rig(int inherited_fd = -1)
      : listener_(*Listener::open({.address = "127.0.0.1", .inherited_fd = inherited_fd})),
        loop_(*Loop::create({})),
        acceptor_(
            *loop_, listener_,
            [this](base::UniqueFd socket, const SocketAddress& peer) {
              const std::lock_guard lock(mutex_);
              peers.push_back(peer.text());
              sockets.push_back(std::move(socket));
              ++accepted;
            },
            [this](const base::Error& error) {
              const std::lock_guard lock(mutex_);
              message = error.message;
              ++errors;
            }) {
    EXPECT_TRUE(acceptor_.start());
    thread_ = std::move(*base::Thread::start("loop", [this] { loop_->run(); }));
  }
  ~Rig() {
    on_loop([this] { acceptor_.stop(); });
    loop_->stop();
    thread_.join();
  }

  std::uint16_t port() const { return listener_.port(); }
  Acceptor& acceptor() { return acceptor_; }
  void on_loop(std::function<void()> task) {
    std::atomic<bool> done = false;
    loop_->post([&] {
      task();
      done = true;
    });
    EXPECT_TRUE(eventually([&] { return done.load(); }));
  }

  std::atomic<int> accepted = 0;
  std::atomic<int> errors = 0;
  std::vector<std::string> peers;
  std::vector<base::UniqueFd> sockets;
  std::string message;

 private:
  std::mutex mutex_;
  Listener listener_;
  std::shared_ptr<Loop> loop_;
  Acceptor acceptor_;
  base::Thread thread_;
};

TEST(Acceptor, HandsOutReadySockets) {
  Rig rig;
  const Client client(rig.port());
  ASSERT_TRUE(eventually([&] { return rig.accepted == 1; }));
  rig.on_loop([] {});
  const int fd = rig.sockets.front().get();
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  int nodelay = 0;
  socklen_t size = sizeof nodelay;
  ::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size);
  EXPECT_NE(nodelay, 0);
  EXPECT_EQ(rig.peers.front(), SocketAddress::of_local_end(client.fd()).text());
}

TEST(Acceptor, LeavesTheQueueAloneOnceStopped) {
  Rig rig;
  rig.on_loop([&] { rig.acceptor().stop(); });
  const Client waiting(rig.port());
  ASSERT_TRUE(waiting.connected()) << "the kernel still queues";
  EXPECT_EQ(rig.accepted, 0);
  rig.on_loop([&] { rig.acceptor().accept_waiting(10); });
  EXPECT_EQ(rig.accepted, 1);
}

TEST(Acceptor, TakesNoMoreOfTheQueueThanItIsTold) {
  Rig rig;
  rig.on_loop([&] { rig.acceptor().stop(); });
  const std::array<Client, 3> waiting{Client(rig.port()), Client(rig.port()), Client(rig.port())};
  rig.on_loop([&] { rig.acceptor().accept_waiting(2); });
  EXPECT_EQ(rig.accepted, 2);
}

// The process has no descriptor left: the client is told so, the loop sleeps, and later clients are
// served.
TEST(Acceptor, SurvivesTheLackOfDescriptors) {
  Rig rig;
  Client refused = Client::unconnected();
  Client served = Client::unconnected();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 128;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  std::vector<base::UniqueFd> fillers;
  while (true) {
    base::UniqueFd filler(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!filler) break;
    fillers.push_back(std::move(filler));
  }
  refused.connect_ip4(rig.port());
  EXPECT_TRUE(refused.connected());
  EXPECT_EQ(refused.rest(), "");
  EXPECT_TRUE(eventually([&] { return rig.errors == 1; }));
  EXPECT_EQ(rig.accepted, 0);

  fillers.clear();
  served.connect_ip4(rig.port());
  EXPECT_TRUE(eventually([&] { return rig.accepted == 1; }));
  ::setrlimit(RLIMIT_NOFILE, &before);
  rig.on_loop([&] { EXPECT_EQ(rig.message, "cannot accept connections: Too many open files"); });
}

// Whoever shares an inherited listener may shut it down under us.
TEST(Acceptor, GivesUpAListenerThatIsDead) {
  const auto owner = Listener::open({.address = "127.0.0.1"});
  Rig rig(owner->fd());
  ::shutdown(owner->fd(), SHUT_RDWR);
  ASSERT_TRUE(eventually([&] { return rig.errors == 1; }));
  rig.on_loop(
      [&] { EXPECT_EQ(rig.message, "the listening socket is unusable: Invalid argument"); });
  EXPECT_EQ(rig.errors, 1) << "reported once, then out of the loop";
}

}  // namespace
}  // namespace tfe::net
