// New connections go to the less busy of several servers that share a table.
#include "server/handoff.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/pass_descriptors.h"
#include "server/server_rig.h"

namespace tfe::server {
namespace {

using test::Client;
using test::eventually;
using test::LineProtocol;

// Servers of one process stand for those of several.
class HandoffTest : public testing::Test {
 protected:
  struct Member {
    base::UniqueFd sender;
    base::UniqueFd receiver;
    std::unique_ptr<HttpServer> server;
  };

  ~HandoffTest() override {
    for (Member& member : members) member.server->stop();
  }

  // Until nothing more fits into its inbox.
  void fill(std::size_t member) const {
    members[member].server->stop();  // nobody reads it any more
    const char byte = 'x';
    while (::send(members[member].sender.get(), &byte, 1, MSG_DONTWAIT) == 1) {
    }
  }

  void start(std::size_t count, std::size_t slack) {
    ASSERT_EQ(::ftruncate(table.get(), static_cast<off_t>((count + 2) * BeatPage::kSize)), 0);
    serving_at = count * BeatPage::kSize;
    const std::size_t unused = serving_at + BeatPage::kSize;
    for (std::size_t i = 0; i < count; ++i) {
      std::array<int, 2> pair{};
      ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair.data()), 0);
      members.push_back({base::UniqueFd(pair[0]), base::UniqueFd(pair[1]), nullptr});
      set_serving(i, true);
    }
    for (std::size_t i = 0; i < count; ++i) {
      ServerOptions options;
      options.listen.address = "127.0.0.1";
      options.beats = {.fd = table.get(), .offset = i * BeatPage::kSize, .completed = {}};
      options.inbox_fd = members[i].receiver.get();
      options.handoff.slack = slack;
      options.max_connections = most;
      for (std::size_t j = 0; j < count; ++j) {
        if (j != i) {
          options.handoff.peers.push_back(
              {{unused, j * BeatPage::kSize}, serving_at + j, members[j].sender.get()});
        }
      }
      members[i].server = std::make_unique<HttpServer>(
          options, [this](const Peer& peer, std::shared_ptr<http::Strand> strand) {
            return std::make_unique<LineProtocol>(
                std::move(strand), counts,
                [this, give = peer.hand_over](LineProtocol& protocol, std::string line) {
                  if (std::string_view(line) == "away") return give_away(protocol, give);
                  on_line(protocol, std::move(line));
                });
          });
      ASSERT_TRUE(members[i].server->start().has_value());
    }
  }

  // As a protocol does it whose request is to be answered by another server.
  void give_away(LineProtocol& protocol, const http::HandOver& give) {
    const http::HandedOver outcome = give(base::as_bytes(unread));
    if (outcome == http::HandedOver::kNoRoom) return protocol.answer("no room\n");
    if (outcome == http::HandedOver::kNobody) return protocol.answer("stays\n");
    protocol.finish();
    protocol.answer(std::string());
  }

  void set_serving(std::size_t member, bool serving, bool sound = true) const {
    const int state = serving ? 2 : 0;
    const auto byte = static_cast<std::uint8_t>(sound ? state : state | PeerTable::kUnsound);
    ASSERT_EQ(::pwrite(table.get(), &byte, 1, static_cast<off_t>(serving_at + member)), 1);
  }

  // A client of the first server, served by whichever took it.
  void connect() {
    clients.push_back(std::make_unique<Client>(members.front().server->port()));
    ASSERT_TRUE(clients.back()->send("x\n"));
    ASSERT_EQ(clients.back()->line(), "x\n");
  }

  // Until a connection that was passed on has left the inbox for good, its new owner seems to have
  // two: exact numbers need clients that come one after the other.
  void connect_alone() {
    connect();
    ASSERT_TRUE(eventually([&] {
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < members.size(); ++i) sum += announced(i);
      return sum == 0;
    }));
  }

  std::uint64_t announced(std::size_t member) const {
    std::uint64_t value = 0;
    const auto at = member * BeatPage::kSize + BeatPage::kAnnouncedAt;
    EXPECT_EQ(::pread(table.get(), &value, sizeof value, static_cast<off_t>(at)),
              static_cast<ssize_t>(sizeof value));
    return value;
  }

  std::vector<std::size_t> connections() const {
    std::vector<std::size_t> found;
    for (const Member& member : members) {
      found.push_back(member.server->statistics().connections);
    }
    return found;
  }

  std::string unread = "again\n";  // what is handed over with a connection
  std::size_t most = 1000;         // connections of each server
  test::Counts counts;
  LineProtocol::OnLine on_line = [](LineProtocol& protocol, std::string line) {
    protocol.answer(line + "\n");
  };
  base::UniqueFd table{::memfd_create("table", MFD_CLOEXEC)};
  std::size_t serving_at = 0;
  std::vector<Member> members;
  std::vector<std::unique_ptr<Client>> clients;
};

TEST_F(HandoffTest, SpreadsEvenlyWhatCameToOne) {
  start(3, 1);
  for (int i = 0; i < 12; ++i) connect_alone();
  EXPECT_EQ(connections(), (std::vector<std::size_t>{4, 4, 4}));
  // Counted after it was passed on, and served by then.
  EXPECT_TRUE(eventually([&] { return members[0].server->statistics().handed_over_total == 8U; }));
  EXPECT_EQ(members[0].server->statistics().received_total, 0U);
  EXPECT_EQ(members[1].server->statistics().received_total, 4U);
  EXPECT_EQ(members[1].server->statistics().accepted_total, 4U);
  EXPECT_EQ(members[0].server->statistics().accepted_total, 4U);
}

TEST_F(HandoffTest, SpreadsABurst) {
  start(4, 1);
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(members.front().server->port()));
  }
  ASSERT_TRUE(eventually([&] {
    std::size_t sum = 0;
    for (const std::size_t each : connections()) sum += each;
    return sum == 100;
  }));
  for (const std::size_t each : connections()) {
    EXPECT_GE(each, 10U);
    EXPECT_LE(each, 40U);
  }
  for (auto& client : clients) {
    ASSERT_TRUE(client->send("x\n"));
    EXPECT_EQ(client->line(), "x\n");
  }
}

TEST_F(HandoffTest, SlackLeavesThemWhereTheyCame) {
  start(2, 3);
  for (int i = 0; i < 3; ++i) connect_alone();
  EXPECT_EQ(connections(), (std::vector<std::size_t>{3, 0}));
  connect_alone();
  EXPECT_EQ(connections(), (std::vector<std::size_t>{3, 1}));
}

TEST_F(HandoffTest, ZeroIsNever) {
  start(2, 0);
  for (int i = 0; i < 6; ++i) connect();
  EXPECT_EQ(connections(), (std::vector<std::size_t>{6, 0}));
}

TEST_F(HandoffTest, GivesNothingToThoseThatDoNotServe) {
  start(3, 1);
  set_serving(1, false);
  for (int i = 0; i < 6; ++i) connect_alone();
  EXPECT_EQ(connections(), (std::vector<std::size_t>{3, 0, 3}));
  set_serving(1, true);
  connect_alone();
  EXPECT_EQ(connections(), (std::vector<std::size_t>{3, 1, 3}));
}

TEST_F(HandoffTest, KeepsWhatDoesNotFitIntoTheInbox) {
  start(2, 1);
  fill(1);
  for (int i = 0; i < 4; ++i) connect();
  EXPECT_EQ(connections().front(), 4U);
}

TEST_F(HandoffTest, AnnouncementsThatCameToNothingAreForgotten) {
  start(2, 1);
  const std::uint64_t phantom = 1000;
  ASSERT_EQ(::pwrite(table.get(), &phantom, sizeof phantom,
                     static_cast<off_t>(BeatPage::kSize + BeatPage::kAnnouncedAt)),
            static_cast<ssize_t>(sizeof phantom));
  ASSERT_TRUE(eventually([&] { return announced(1) == 0; }));
  connect_alone();
  connect_alone();
  EXPECT_EQ(connections(), (std::vector<std::size_t>{1, 1}));
}

TEST_F(HandoffTest, DivertsWithWhatWasReceived) {
  start(2, 0);
  connect();
  Client& client = *clients.front();
  ASSERT_TRUE(client.send("away\n"));
  EXPECT_EQ(client.line(), "again\n") << "answered by the other server";
  ASSERT_TRUE(eventually([&] { return connections() == std::vector<std::size_t>{0, 1}; }));
  ASSERT_TRUE(client.send("more\n"));
  EXPECT_EQ(client.line(), "more\n") << "the first one has closed it, and it is still open";
  EXPECT_EQ(members[0].server->statistics().handed_over_total, 1U);
  EXPECT_EQ(members[1].server->statistics().received_total, 1U);
  EXPECT_EQ(members[1].server->statistics().accepted_total, 1U);
}

TEST_F(HandoffTest, DivertsInPiecesIfMoreWasReceivedThanIsReadAtATime) {
  start(2, 0);
  unread.insert(0, 9000, 'x');
  connect();
  ASSERT_TRUE(clients.front()->send("away\n"));
  EXPECT_EQ(clients.front()->line(), unread) << "9000 times x, and again";
}

TEST_F(HandoffTest, DivertsToThoseThatHaveAllTheirModels) {
  start(3, 0);
  set_serving(1, true, false);
  for (int i = 0; i < 3; ++i) {
    connect();
    ASSERT_TRUE(clients.back()->send("away\n"));
    EXPECT_EQ(clients.back()->line(), "again\n");
  }
  ASSERT_TRUE(eventually([&] { return connections() == std::vector<std::size_t>{0, 0, 3}; }));
}

TEST_F(HandoffTest, WhatNobodyTakesStays) {
  start(2, 0);
  set_serving(1, true, false);
  connect();
  ASSERT_TRUE(clients.front()->send("away\n"));
  EXPECT_EQ(clients.front()->line(), "stays\n");
  set_serving(1, true);
  unread.assign(net::kMaxUnread + 1, 'x');
  ASSERT_TRUE(clients.front()->send("away\n"));
  EXPECT_EQ(clients.front()->line(), "stays\n") << "too much for a packet";
  EXPECT_EQ(members[0].server->statistics().handed_over_total, 0U);
}

TEST_F(HandoffTest, WhatFindsNoRoomGoesToTheNextOrIsToldSo) {
  start(3, 0);
  fill(1);
  connect();
  ASSERT_TRUE(clients.front()->send("away\n"));
  EXPECT_EQ(clients.front()->line(), "again\n");
  fill(2);
  connect();
  ASSERT_TRUE(clients.back()->send("away\n"));
  EXPECT_EQ(clients.back()->line(), "no room\n");
  EXPECT_EQ(announced(1) + announced(2), 0U) << "nothing is on its way to them";
}

TEST_F(HandoffTest, NobodyIsDivertedToAServerThatRefusesClients) {
  most = 2;
  start(2, 0);
  for (int i = 0; i < 2; ++i) {
    connect();
    ASSERT_TRUE(clients.back()->send("away\n"));
    EXPECT_EQ(clients.back()->line(), "again\n");
    ASSERT_TRUE(eventually([&] { return announced(1) == 0; }));
  }
  connect();
  ASSERT_TRUE(clients.back()->send("away\n"));
  EXPECT_EQ(clients.back()->line(), "stays\n");
}

// What each knows of the others is a moment old.
TEST_F(HandoffTest, ServersThatSendItBackAndForthComeToAnEnd) {
  start(2, 0);
  unread = "away\n";
  connect();
  for (int i = 0; i < 2; ++i) {  // an answer begins a new count
    ASSERT_TRUE(clients.front()->send("away\n"));
    EXPECT_EQ(clients.front()->line(), "stays\n");
  }
  for (const Member& member : members) {  // counted after it has gone
    EXPECT_TRUE(eventually([&] { return member.server->statistics().handed_over_total == 4U; }));
  }
  EXPECT_TRUE(eventually([&] { return members[0].server->statistics().connections == 1U; }));
}

// The other server reads the first part, which is to go on to a third one, while it holds the rest.
TEST_F(HandoffTest, WhatIsHeldInPartStays) {
  start(2, 0);
  std::string held(9000, 'x');
  held += '\n';
  unread = "away\n";
  unread += held;
  connect();
  ASSERT_TRUE(clients.front()->send("away\n"));
  EXPECT_EQ(clients.front()->line(), "stays\n");
  EXPECT_EQ(clients.front()->line(), held);
}

TEST_F(HandoffTest, OffsetsMustBeInTheFile) {
  ASSERT_EQ(::ftruncate(table.get(), 2 * BeatPage::kSize), 0);
  const auto refused = [&](PortPeer peer) {
    const auto made = Handoff::open({.slack = 1, .peers = {peer}}, table.get());
    return !made && made.error().message.starts_with("handoff_peers: ");
  };
  EXPECT_TRUE(refused({{0, 2 * BeatPage::kSize}, 0, 0}));
  EXPECT_TRUE(refused({{100, 0}, 0, 0}));
  EXPECT_TRUE(refused({{0, 0}, 2 * BeatPage::kSize, 0}));
  EXPECT_FALSE(refused({{BeatPage::kSize, 0}, 2 * BeatPage::kSize - 1, 0}));
  EXPECT_FALSE(Handoff::open({.slack = 1, .peers = {{}}}, -1).has_value());
}

}  // namespace
}  // namespace tfe::server
