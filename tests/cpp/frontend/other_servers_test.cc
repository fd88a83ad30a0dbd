// Who else serves the port, and what is passed on to whom.
#include "frontend/other_servers.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>

#include "base/shared_mapping.h"
#include "base/unique_fd.h"
#include "frontend/peer_forwarder.h"
#include "server/beat_page.h"
#include "server/line_protocol.h"
#include "triton/core_fixture.h"

namespace tfe::frontend {
namespace {

using server::BeatPage;
using testing::unwrap;

// Two others whose bytes and pages the test writes, as their supervisor and they do. Our own page
// is the first.
class OtherServersTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kAccepting = 5 * BeatPage::kSize;

  OtherServersTest() {
    EXPECT_EQ(::ftruncate(file_.get(), 6 * BeatPage::kSize), 0);
    memory_.emplace(unwrap(base::SharedMapping::map_all("file", file_.get())));
    endpoint_.heartbeat_fd = file_.get();
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      const std::size_t first = (1 + 2 * i) * BeatPage::kSize;
      std::array<int, 2> pair{};
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair.data()), 0);
      senders_[i].reset(pair[0]);
      inboxes_[i].reset(pair[1]);
      endpoint_.handoff.peers.push_back({.page_offsets = {first, first + BeatPage::kSize},
                                         .accepting_offset = kAccepting + i,
                                         .inbox_fd = pair[0]});
    }
  }

  void says(std::size_t peer, std::uint8_t state) {
    memory_->data()[kAccepting + peer] = static_cast<std::byte>(state);
  }

  void has_in_hand(std::size_t peer, std::uint64_t work) {
    const std::size_t page = (1 + 2 * peer) * BeatPage::kSize;
    std::memcpy(memory_->data() + page + BeatPage::kWorkAt, &work, sizeof work);
  }

  // Whether a link has come to it.
  bool linked(std::size_t peer) {
    char byte = 0;
    return ::recv(inboxes_[peer].get(), &byte, 1, 0) > 0;
  }

  const base::UniqueFd file_{::memfd_create("pages", MFD_CLOEXEC)};
  std::optional<base::SharedMapping> memory_;
  std::array<base::UniqueFd, 2> senders_;
  std::array<base::UniqueFd, 2> inboxes_;
  Endpoint endpoint_;
};

TEST_F(OtherServersTest, OneThatTakesConnectionsAndHasAllItsModelsIsEnough) {
  const auto others = unwrap(other_servers(endpoint_));
  EXPECT_FALSE(others());
  says(1, 2);
  EXPECT_TRUE(others());
  says(1, 2 | server::PeerTable::kUnsound);
  EXPECT_FALSE(others());
  says(0, 1);
  EXPECT_TRUE(others());
  says(0, 0);
  EXPECT_FALSE(others());
}

TEST_F(OtherServersTest, WithoutPeersThereAreNone) {
  endpoint_.handoff.peers.clear();
  EXPECT_FALSE(unwrap(other_servers(endpoint_)));
}

TEST_F(OtherServersTest, OffsetsOutsideTheFileAreRefused) {
  endpoint_.handoff.peers[0].accepting_offset = 6 * BeatPage::kSize;
  const auto refused = other_servers(endpoint_);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.starts_with("handoff_peers: "));
}

TEST_F(OtherServersTest, WhatCannotBeAnsweredGoesToTheLeastBusyThatIsWhole) {
  server::ServerOptions options;
  options.listen.address = "127.0.0.1";
  test::Counts counts;
  server::HttpServer server(
      options, [&](const server::Peer&, std::shared_ptr<http::Strand> strand) {
        return std::make_unique<test::LineProtocol>(std::move(strand), counts, nullptr);
      });
  ASSERT_TRUE(server.start());
  const auto forwarder = unwrap(PeerForwarder::open({.slack = 0}, endpoint_));
  ASSERT_TRUE(forwarder);
  forwarder->attach(server);
  EXPECT_FALSE(forwarder->divert());
  says(0, 1);
  says(1, 1);
  has_in_hand(0, 3);
  EXPECT_FALSE(forwarder->choose());
  EXPECT_FALSE(linked(0) || linked(1)) << "without a fault nothing is opened";
  EXPECT_TRUE(forwarder->divert());
  EXPECT_TRUE(linked(1));
  has_in_hand(1, 5);
  EXPECT_TRUE(forwarder->divert());
  EXPECT_TRUE(linked(0));
  says(0, 1 | server::PeerTable::kUnsound);
  EXPECT_TRUE(forwarder->divert());
  EXPECT_FALSE(linked(0) || linked(1)) << "the link to the second is kept";
  says(1, 0);
  EXPECT_FALSE(forwarder->divert());
  server.stop();
}

}  // namespace
}  // namespace tfe::frontend
