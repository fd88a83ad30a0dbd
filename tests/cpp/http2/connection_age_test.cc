// Connections that have lived long enough.
#include "http2/connection_age.h"

#include "http2/rig.h"

namespace tfe::http2 {
namespace {

using testing::answer;
using testing::Rig;

Options aged(int age_ms, int grace_ms = 0) {
  Options options;
  options.max_connection_age = milliseconds(age_ms);
  options.max_connection_age_grace = milliseconds(grace_ms);
  return options;
}

// Until the connection drains, at most a tenth beyond its age.
void grow_old(Rig& rig) {
  const auto due = rig.connection.deadline();
  ASSERT_TRUE(due);
  rig.now = *due;
  rig.connection.on_deadline(rig.now);
}

TEST(ConnectionAge, IsSpreadByTenPerCent) {
  const base::TimePoint start{std::chrono::hours(1)};
  const Options options = aged(10'000);
  EXPECT_EQ(ConnectionAge(options, start, 0.0).old_at(), start + milliseconds(9'000));
  EXPECT_EQ(ConnectionAge(options, start, 0.5).old_at(), start + milliseconds(10'000));
  EXPECT_EQ(ConnectionAge(options, start, 1.0).old_at(), start + milliseconds(11'000));
  EXPECT_EQ(ConnectionAge(Options{}, start, 0.5).old_at(), std::nullopt);
}

TEST(ConnectionAge, IsNotTheSameForAll) {
  const double first = random_luck();
  bool differs = false;
  for (int i = 0; i < 20; ++i) {
    const double luck = random_luck();
    EXPECT_GE(luck, 0.0);
    EXPECT_LE(luck, 1.0);
    differs = differs || luck != first;
  }
  EXPECT_TRUE(differs);
}

TEST(ConnectionAge, DrainsInTwoSteps) {
  Rig rig(aged(10'000));
  const auto id = rig.peer.request("", true);
  rig.talk();
  EXPECT_GE(*rig.connection.deadline(), rig.now + milliseconds(9'000));
  EXPECT_LE(*rig.connection.deadline(), rig.now + milliseconds(11'000));
  grow_old(rig);
  rig.talk();
  ASSERT_EQ(rig.peer.goaways.size(), 2u);
  EXPECT_EQ(rig.peer.goaways[0], std::pair(INT32_MAX, 0u));
  EXPECT_EQ(rig.peer.goaways[1], std::pair(id, 0u));
  // Without a grace period calls take the time they need.
  rig.now += std::chrono::hours(1);
  rig.connection.on_deadline(rig.now);
  EXPECT_EQ(rig.request(0).aborts, 0);
  answer(*rig.request(0).exchange, "at last");
  rig.take_output();
  EXPECT_TRUE(rig.connection.finished());
}

TEST(ConnectionAge, GivesUpCallsAfterTheGrace) {
  Rig rig(aged(10'000, 500));
  rig.peer.request("", true);
  rig.talk();
  grow_old(rig);
  rig.talk();
  rig.now += milliseconds(499);
  rig.connection.on_deadline(rig.now);
  EXPECT_EQ(rig.request(0).aborts, 0);
  rig.now += milliseconds(1);
  rig.connection.on_deadline(rig.now);
  EXPECT_EQ(rig.request(0).aborts, 1);
  rig.take_output();
  EXPECT_TRUE(rig.connection.finished());
}

TEST(ConnectionAge, EndsAnIdleConnection) {
  Rig rig(aged(10'000));
  rig.talk();
  grow_old(rig);
  rig.talk();
  EXPECT_TRUE(rig.connection.finished());
}

}  // namespace
}  // namespace tfe::http2
