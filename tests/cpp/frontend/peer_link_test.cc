// Whether a link runs its tasks one at a time, also when there is no connection (any more).
#include "frontend/peer_link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <future>
#include <thread>

#include "server/line_protocol.h"

namespace tfe::frontend {
namespace {

using Where = http::Strand::Where;

// While one thread is inside a task, another posts one.
void expect_one_at_a_time(PeerLink& link) {
  std::promise<void> entered;
  std::promise<void> leave;
  std::atomic<bool> left = false;
  std::thread first([&] {
    link.post(
        [&](http2::ClientConnection* connection) {
          EXPECT_EQ(connection, nullptr);
          entered.set_value();
          leave.get_future().wait();
          left = true;
        },
        Where::kHere);
  });
  entered.get_future().wait();
  std::promise<bool> second;
  link.post([&](http2::ClientConnection*) { second.set_value(left); }, Where::kHere);
  leave.set_value();
  EXPECT_TRUE(second.get_future().get());
  first.join();
}

class PeerLinkTest : public testing::Test {
 protected:
  PeerLinkTest() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()), 0);
    inbox_.reset(pair[0]);
    reader_.reset(pair[1]);
    options_.listen.address = "127.0.0.1";
  }
  ~PeerLinkTest() override {
    if (server_) server_->stop();
  }

  void start() {
    server_ = std::make_unique<server::HttpServer>(
        options_, [this](const server::Peer&, std::shared_ptr<http::Strand> strand) {
          return std::make_unique<test::LineProtocol>(std::move(strand), counts_, nullptr);
        });
    ASSERT_TRUE(server_->start());
  }
  std::shared_ptr<PeerLink> open() { return PeerLink::open(*server_, inbox_.get()); }

  base::UniqueFd inbox_;
  base::UniqueFd reader_;
  server::ServerOptions options_;
  test::Counts counts_;
  std::unique_ptr<server::HttpServer> server_;
};

TEST_F(PeerLinkTest, RunsTasksOneAtATimeWhenItIsOver) {
  start();
  const auto link = open();
  ASSERT_NE(link, nullptr);
  std::promise<bool> connected;
  link->post([&](http2::ClientConnection* it) { connected.set_value(it != nullptr); },
             Where::kLoop);
  EXPECT_TRUE(connected.get_future().get());
  server_->stop();
  EXPECT_FALSE(link->usable());
  expect_one_at_a_time(*link);
}

TEST(PeerLink, RunsTasksOneAtATimeWhenItWasNeverConnected) {
  const auto link = std::make_shared<PeerLink>();
  auto factory = link->factory();
  bool ran = false;
  link->post(
      [&](http2::ClientConnection* connection) {
        EXPECT_EQ(connection, nullptr);
        ran = true;
      },
      Where::kHere);
  EXPECT_FALSE(ran) << "it waits for the connection";
  factory = nullptr;
  EXPECT_TRUE(ran);
  EXPECT_FALSE(link->usable());
  expect_one_at_a_time(*link);
}

}  // namespace
}  // namespace tfe::frontend
