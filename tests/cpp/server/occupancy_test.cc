// Who is let in, who is told that it is not, and when a server is empty.
#include "server/occupancy.h"

#include <gtest/gtest.h>

#include <thread>

namespace tfe::server {
namespace {

using namespace std::chrono_literals;

class OccupancyTest : public testing::Test {
 protected:
  OccupancyTest() {
    options.max_connections = 2;
    options.refusal_allowance = 1;
  }

  bool empty_now() { return occupancy.wait_until_empty(base::Clock::now()); }

  ServerOptions options;
  ServerTotals totals;
  Occupancy occupancy{options, totals};
};

TEST_F(OccupancyTest, ClientsAreLetInThenToldThenClosed) {
  EXPECT_EQ(occupancy.admit(), PeerKind::kClient);
  EXPECT_EQ(occupancy.admit(), PeerKind::kClient);
  EXPECT_EQ(occupancy.admit(), PeerKind::kOverCap);
  EXPECT_EQ(occupancy.admit(), std::nullopt);
  EXPECT_EQ(occupancy.clients(), 3U);
  EXPECT_EQ(totals.accepted, 2U);
  EXPECT_EQ(totals.refused, 2U);
  EXPECT_EQ(totals.refused_answered, 1U);
}

TEST_F(OccupancyTest, ClientsThatAreBeingRefusedTakeNoPlace) {
  occupancy.admit();
  occupancy.admit();
  occupancy.admit();
  occupancy.leave(PeerKind::kClient);
  EXPECT_EQ(occupancy.admit(), PeerKind::kClient);
  EXPECT_EQ(occupancy.admit(), std::nullopt);
  occupancy.leave(PeerKind::kOverCap);
  EXPECT_EQ(occupancy.admit(), PeerKind::kOverCap);
}

TEST_F(OccupancyTest, LinksAreNoClientsAndTakeNoPlace) {
  for (int i = 0; i < 5; ++i) occupancy.add_link();
  EXPECT_EQ(occupancy.clients(), 0U);
  EXPECT_EQ(occupancy.admit(), PeerKind::kClient);
  occupancy.leave(PeerKind::kLink);
  EXPECT_EQ(occupancy.clients(), 1U);
  EXPECT_EQ(totals.accepted, 1U);
}

TEST_F(OccupancyTest, IsEmptyWhenClosedAndAllHaveGone) {
  EXPECT_FALSE(empty_now());
  occupancy.admit();
  occupancy.add_link();
  occupancy.close();
  EXPECT_FALSE(empty_now());
  occupancy.leave(PeerKind::kClient);
  EXPECT_FALSE(empty_now());
  occupancy.leave(PeerKind::kLink);
  EXPECT_TRUE(empty_now());
}

TEST_F(OccupancyTest, TheLastToGoWakesWhoWaits) {
  occupancy.admit();
  occupancy.close();
  std::thread client([this] { occupancy.leave(PeerKind::kClient); });
  EXPECT_TRUE(occupancy.wait_until_empty(base::Clock::now() + 60s));
  client.join();
}

}  // namespace
}  // namespace tfe::server
