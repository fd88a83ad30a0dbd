// Connections that another process passes.
#include "net/inbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "net/listener.h"
#include "net/pass_descriptors.h"
#include "net/test_socket.h"

namespace tfe::net {
namespace {

class InboxTest : public testing::Test {
 protected:
  InboxTest() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()), 0);
    ours_.reset(pair[0]);
    theirs_.reset(pair[1]);
    loop_ = *Loop::create({});
    inbox_ = *Inbox::open(
        *loop_, theirs_.get(),
        [this](base::UniqueFd socket, const SocketAddress& peer, const PassedOn& connection) {
          taken_.push_back(std::move(socket));
          peers_.push_back(peer);
          unread_.emplace_back(base::as_text(connection.unread));
          times_.push_back(connection.times);
          if (taken_.size() == stop_at_) inbox_->stop();
        });
    EXPECT_TRUE(inbox_->start().has_value());
  }

  void pass(const std::vector<int>& fds) const { ASSERT_TRUE(pass_descriptors(ours_.get(), fds)); }

  // One connection to `listener_`: its client, and the accepted end.
  std::pair<test::Client, base::UniqueFd> connection() {
    test::Client client(listener_->port());
    pollfd waiting{.fd = listener_->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
    base::UniqueFd accepted(::accept(listener_->fd(), nullptr, nullptr));
    EXPECT_TRUE(static_cast<bool>(accepted));
    return {std::move(client), std::move(accepted)};
  }

  void turn() {
    loop_->post([this] { loop_->stop(); });
    loop_->run();
  }

  base::UniqueFd ours_;
  base::UniqueFd theirs_;
  std::shared_ptr<Loop> loop_;
  std::unique_ptr<Inbox> inbox_;
  std::vector<base::UniqueFd> taken_;
  std::vector<SocketAddress> peers_;
  std::vector<std::string> unread_;
  std::vector<int> times_;
  std::size_t stop_at_ = 0;
  base::Result<Listener> listener_ = Listener::open({.address = "127.0.0.1"});
};

bool readable(int fd) {
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&waiting, 1, 0) == 1;
}

TEST_F(InboxTest, TakesConnectionsReadyForUse) {
  auto [client, accepted] = connection();
  pass({accepted.get()});
  accepted.reset();
  turn();
  ASSERT_EQ(taken_.size(), 1U);
  const int fd = taken_.front().get();
  EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
  EXPECT_NE(no_delay, 0);
  EXPECT_EQ(peers_.front().host(), "127.0.0.1");
  ASSERT_EQ(::send(fd, "hello\n", 6, MSG_NOSIGNAL), 6);
  EXPECT_EQ(client.line(), "hello\n");
}

TEST_F(InboxTest, GivesWhatIsKnownOfThem) {
  auto [client, accepted] = connection();
  const std::string most(kMaxUnread, 'x');
  const int fd = accepted.get();
  ASSERT_TRUE(pass_descriptors(ours_.get(), {&fd, 1}, {base::as_bytes("GET /"), 3}));
  ASSERT_TRUE(pass_descriptors(ours_.get(), {&fd, 1}, {base::as_bytes(most), 0}));
  EXPECT_FALSE(pass_descriptors(ours_.get(), {&fd, 1}, {base::as_bytes(most + 'x'), 0}));
  pass({fd});
  turn();
  EXPECT_EQ(unread_, (std::vector<std::string>{"GET /", most, ""}));
  EXPECT_EQ(times_, (std::vector<int>{3, 0, 0}));
}

TEST_F(InboxTest, DropsWhatCameInPart) {
  auto [client, accepted] = connection();
  std::vector<char> packet(2 + kMaxUnread);
  iovec bytes{.iov_base = packet.data(), .iov_len = packet.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  *part = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  const int fd = accepted.get();
  std::memcpy(CMSG_DATA(part), &fd, sizeof fd);
  ASSERT_GT(::sendmsg(ours_.get(), &message, MSG_NOSIGNAL), 0);
  accepted.reset();
  turn();
  EXPECT_TRUE(taken_.empty());
  EXPECT_EQ(client.rest(), "") << "closed, not kept";
}

TEST_F(InboxTest, PassesOverWhatIsNoConnection) {
  pass({});
  pass({listener_->fd()});
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  pass({pipe[0]});
  ::close(pipe[0]);
  auto [client, accepted] = connection();
  pass({accepted.get(), pipe[1]});  // only the first is taken, none is leaked
  ::close(pipe[1]);
  turn();
  EXPECT_EQ(taken_.size(), 1U);
}

TEST_F(InboxTest, LeavesTheRestToOthersWhenItStops) {
  auto [first_client, first] = connection();
  auto [second_client, second] = connection();
  stop_at_ = 1;
  pass({first.get()});
  pass({second.get()});
  turn();
  EXPECT_EQ(taken_.size(), 1U);
  EXPECT_TRUE(readable(theirs_.get()));
}

TEST_F(InboxTest, SleepsWhenItsSendersAreGone) {
  ours_.reset();
  turn();  // a hung-up socket that stayed in the loop would never let it sleep
  EXPECT_TRUE(taken_.empty());
}

TEST(Inbox, WantsPackets) {
  const auto loop = *Loop::create({});
  for (const int fd : {-1, 0}) {
    const auto inbox = Inbox::open(*loop, fd, {});
    ASSERT_FALSE(inbox.has_value());
    EXPECT_EQ(inbox.error().code, base::Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tfe::net
