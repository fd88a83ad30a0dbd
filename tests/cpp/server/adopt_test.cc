// Connections that were accepted elsewhere: handed over by a call, or through the inbox.
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cstring>
#include <thread>

#include "net/listener.h"
#include "net/pass_descriptors.h"
#include "server/server_rig.h"

namespace tfe::server {
namespace {

using test::Client;
using test::eventually;
using test::kPatience;

class AdoptTest : public test::ServerTest {
 protected:
  AdoptTest() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()), 0);
    ours.reset(pair[0]);
    theirs.reset(pair[1]);
    options.inbox_fd = theirs.get();
  }

  Client connect() const { return Client(elsewhere->port()); }
  base::UniqueFd accept() const {
    pollfd waiting{.fd = elsewhere->fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&waiting, 1, 10'000), 1);
    return base::UniqueFd(::accept(elsewhere->fd(), nullptr, nullptr));
  }
  void pass(int fd) const { ASSERT_TRUE(net::pass_descriptors(ours.get(), {&fd, 1})); }

  base::Result<net::Listener> elsewhere = net::Listener::open({.address = "127.0.0.1"});
  base::UniqueFd ours;
  base::UniqueFd theirs;
};

TEST_F(AdoptTest, ServesAConnectionWhoseRequestIsHere) {
  start();
  Client client = connect();
  ASSERT_TRUE(client.send("early\n"));
  ASSERT_TRUE(server().adopt(accept()));
  EXPECT_EQ(client.line(), "early\n");
  EXPECT_EQ(server().statistics().accepted_total, 1U);
  client.close();
  EXPECT_TRUE(eventually([&] { return server().statistics().connections == 0; }));
}

TEST_F(AdoptTest, RefusesWhatItCannotServe) {
  Client client = connect();
  EXPECT_FALSE(server().adopt(accept())) << "not started";
  EXPECT_EQ(client.rest(), "") << "and closes it";
  start();
  EXPECT_FALSE(server().adopt(base::UniqueFd(::dup(theirs.get())))) << "no stream";
  EXPECT_FALSE(server().adopt(base::UniqueFd(::dup(elsewhere->fd())))) << "not connected";
  EXPECT_TRUE(server().drain(kPatience));
  Client late = connect();
  EXPECT_FALSE(server().adopt(accept())) << "drained";
  server().stop();
}

TEST_F(AdoptTest, ServesWhatComesThroughTheInbox) {
  Client early = connect();
  pass(accept().get());
  ASSERT_TRUE(early.send("early\n"));
  start();
  EXPECT_EQ(early.line(), "early\n") << "what waited for the start";
  Client late = connect();
  pass(accept().get());
  ASSERT_TRUE(late.send("late\n"));
  EXPECT_EQ(late.line(), "late\n");
}

TEST_F(AdoptTest, LeavesTheInboxToOthersOnceItDrains) {
  start();
  EXPECT_TRUE(server().drain(kPatience));
  Client client = connect();
  pass(accept().get());
  ASSERT_TRUE(client.send("later\n"));
  pollfd waiting{.fd = theirs.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&waiting, 1, 0), 1);
  server().stop();
  EXPECT_EQ(counts.lines, 0);
  start();
  EXPECT_EQ(client.line(), "later\n") << "a successor takes it";
}

TEST_F(AdoptTest, AnInboxMustBeOne) {
  options.inbox_fd = elsewhere->fd();
  const auto started = server().start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, base::Code::kInvalidArgument);
  EXPECT_TRUE(started.error().message.starts_with("inbox_fd ")) << started.error().message;
}

}  // namespace
}  // namespace tfe::server
