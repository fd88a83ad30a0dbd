#include "net/listener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <string>

#include "net/test_socket.h"

namespace tfe::net {
namespace {

using test::Client;

// Fresh for each use, removed with what is in it.
class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/tfe-listener-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TempDir() {
    ::unlink(file().c_str());
    ::rmdir(path_.c_str());
  }
  std::string file() const { return path_ + "/s"; }

 private:
  std::string path_;
};

TEST(Listener, TellsTheChosenPort) {
  const auto listener = Listener::open({.address = "127.0.0.1"});
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_NE(listener->port(), 0);
  EXPECT_FALSE(listener->inherited());
  EXPECT_TRUE(Client(listener->port()).connected());
  EXPECT_NE(::fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(listener->fd(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(Listener, SaysThatAPortIsTaken) {
  const auto first = Listener::open({.address = "127.0.0.1"});
  ASSERT_TRUE(first.has_value());
  for (const bool reuse : {false, true}) {
    const auto second =
        Listener::open({.address = "127.0.0.1", .port = first->port(), .reuse_port = reuse});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, base::Code::kUnavailable);
    EXPECT_EQ(second.error().message,
              "Socket '127.0.0.1:" + std::to_string(first->port()) + "' already in use ");
  }
}

TEST(Listener, SharesAPortWhenBothWantTo) {
  const auto first = Listener::open({.address = "127.0.0.1", .reuse_port = true});
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(Listener::open({.address = "127.0.0.1", .port = first->port(), .reuse_port = true}));
  EXPECT_FALSE(Listener::open({.address = "127.0.0.1", .port = first->port()}));
}

TEST(Listener, ReportsTheSystemsReason) {
  const auto elsewhere = Listener::open({.address = "192.0.2.1", .port = 1});
  ASSERT_FALSE(elsewhere.has_value());
  EXPECT_EQ(elsewhere.error().message,
            "address '192.0.2.1:1': cannot bind: Cannot assign requested address");
  const auto nowhere = Listener::open({.address = "unix:/no/such/dir/s"});
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().message,
            "address 'unix:/no/such/dir/s': cannot bind: No such file or directory");
  const auto backlog = Listener::open({.backlog = 0});
  ASSERT_FALSE(backlog.has_value());
  EXPECT_EQ(backlog.error().message, "backlog: expected at least 1, got 0");
}

bool machine_has_ip6() { return Listener::open({.address = "::1"}).has_value(); }

TEST(Listener, ListensOnIp6) {
  if (!machine_has_ip6()) GTEST_SKIP() << "no IPv6 on this machine";
  for (const char* address : {"::1", "[::1]"}) {
    const auto listener = Listener::open({.address = address});
    ASSERT_TRUE(listener.has_value()) << listener.error().message;
    EXPECT_TRUE(Client::to_ip6(listener->port()).connected());
    EXPECT_FALSE(Client(listener->port()).connected());
  }
}

TEST(Listener, ServesBothFamiliesWhereAsked) {
  if (!machine_has_ip6()) GTEST_SKIP() << "no IPv6 on this machine";
  const auto any = Listener::open({.address = "::"});
  ASSERT_TRUE(any.has_value());
  EXPECT_TRUE(Client::to_ip6(any->port()).connected());
  EXPECT_TRUE(Client(any->port()).connected());

  const auto dual = Listener::open({.address = "0.0.0.0", .dual_stack = true});
  ASSERT_TRUE(dual.has_value());
  EXPECT_TRUE(Client::to_ip6(dual->port()).connected());
  EXPECT_TRUE(Client(dual->port()).connected());

  const auto only4 = Listener::open({.address = "0.0.0.0"});
  ASSERT_TRUE(only4.has_value());
  EXPECT_FALSE(Client::to_ip6(only4->port()).connected());
  EXPECT_TRUE(Client(only4->port()).connected());
}

TEST(Listener, MakesAndRemovesAUnixSocket) {
  const TempDir dir;
  {
    const auto listener = Listener::open({.address = "unix:" + dir.file() + ",mode=622"});
    ASSERT_TRUE(listener.has_value()) << listener.error().message;
    struct stat info{};
    ASSERT_EQ(::stat(dir.file().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0622U);
    EXPECT_EQ(listener->port(), 0);
    EXPECT_TRUE(Client::to_unix(dir.file()).connected());

    const auto second = Listener::open({.address = "unix:" + dir.file()});
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().message, "Socket 'unix:" + dir.file() + "' already in use ");
  }
  EXPECT_NE(::access(dir.file().c_str(), F_OK), 0);
}

TEST(Listener, ReplacesAStaleUnixSocketButNoOtherFile) {
  const TempDir dir;
  {
    // What a killed server leaves: bound, but nobody listens.
    const base::UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto target = resolve_listen_address("unix:" + dir.file(), 0);
    const SocketAddress& address = target->candidates.front();
    ASSERT_EQ(::bind(dead.get(), address.get(), address.length), 0);
  }
  EXPECT_TRUE(Listener::open({.address = "unix:" + dir.file()}).has_value());

  const base::UniqueFd file(::open(dir.file().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  EXPECT_FALSE(Listener::open({.address = "unix:" + dir.file()}).has_value());
  EXPECT_EQ(::access(dir.file().c_str(), F_OK), 0);
}

TEST(Listener, LeavesASuccessorsUnixSocketAlone) {
  const TempDir dir;
  {
    const auto first = Listener::open({.address = "unix:" + dir.file()});
    ASSERT_TRUE(first.has_value());
    ASSERT_EQ(::unlink(dir.file().c_str()), 0);
    ASSERT_EQ(::close(::open(dir.file().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
  }
  EXPECT_EQ(::access(dir.file().c_str(), F_OK), 0);
}

TEST(Listener, InheritsWithoutTakingTheOriginal) {
  const auto owner = Listener::open({.address = "127.0.0.1"});
  ASSERT_TRUE(owner.has_value());
  {
    const auto heir = Listener::open({.inherited_fd = owner->fd()});
    ASSERT_TRUE(heir.has_value()) << heir.error().message;
    EXPECT_TRUE(heir->inherited());
    EXPECT_EQ(heir->port(), owner->port());
    EXPECT_NE(heir->fd(), owner->fd());
    EXPECT_NE(::fcntl(heir->fd(), F_GETFD) & FD_CLOEXEC, 0);
  }
  EXPECT_TRUE(Client(owner->port()).connected());
}

TEST(Listener, RefusesWhatIsNoListeningStreamSocket) {
  const auto expect = [](int fd, std::string_view reason) {
    const auto listener = Listener::open({.inherited_fd = fd});
    ASSERT_FALSE(listener.has_value());
    EXPECT_EQ(listener.error().code, base::Code::kInvalidArgument);
    EXPECT_EQ(listener.error().message,
              "inherited_fd " + std::to_string(fd) +
                  ": expected a listening stream socket: " + std::string(reason));
  };
  expect(99999, "Bad file descriptor");
  const base::UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  expect(file.get(), "Socket operation on non-socket");
  const base::UniqueFd idle(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  expect(idle.get(), "Invalid argument");
  const base::UniqueFd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  expect(datagram.get(), "Invalid argument");
}

}  // namespace
}  // namespace tfe::net
