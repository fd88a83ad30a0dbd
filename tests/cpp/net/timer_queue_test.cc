#include "net/timer_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace tfe::net {
namespace {

using namespace std::chrono_literals;

const base::TimePoint kStart{};

TEST(TimerQueue, RunsWhatIsDueInOrder) {
  TimerQueue timers;
  std::string ran;
  timers.add(kStart + 3s, [&] { ran += "c"; });
  timers.add(kStart + 1s, [&] { ran += "a"; });
  timers.add(kStart + 1s, [&] { ran += "b"; });
  EXPECT_EQ(timers.next(), kStart + 1s);
  timers.run_due(kStart + 999ms);
  EXPECT_EQ(ran, "");
  timers.run_due(kStart + 2s);
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(timers.next(), kStart + 3s);
  timers.run_due(kStart + 3s);
  EXPECT_EQ(ran, "abc");
  EXPECT_EQ(timers.next(), std::nullopt);
}

TEST(TimerQueue, IdsStartAtOneAndCancelWorksOnce) {
  TimerQueue timers;
  bool ran = false;
  const auto id = timers.add(kStart, [&] { ran = true; });
  EXPECT_EQ(id, 1U);
  EXPECT_TRUE(timers.cancel(id));
  EXPECT_FALSE(timers.cancel(id));
  EXPECT_FALSE(timers.cancel(0));
  EXPECT_FALSE(timers.cancel(99));
  timers.run_due(kStart + 1s);
  EXPECT_FALSE(ran);
}

TEST(TimerQueue, TasksMayAddAndCancel) {
  TimerQueue timers;
  std::string ran;
  TimerQueue::Id victim = 0;
  timers.add(kStart, [&] {
    ran += "a";
    EXPECT_TRUE(timers.cancel(victim));
    timers.add(kStart, [&] { ran += "n"; });
  });
  victim = timers.add(kStart, [&] { ran += "v"; });
  timers.add(kStart, [&] { ran += "z"; });
  timers.run_due(kStart);
  EXPECT_EQ(ran, "az") << "one that was added for the past waits for the next call";
  timers.run_due(kStart);
  EXPECT_EQ(ran, "azn");
}

TEST(TimerQueue, DropsTheTasksOwnersOnCancelAndClear) {
  TimerQueue timers;
  auto owner = std::make_shared<int>(0);
  const auto id = timers.add(kStart, [owner] {});
  timers.add(kStart, [owner] {});
  timers.cancel(id);
  EXPECT_EQ(owner.use_count(), 2);
  timers.clear();
  EXPECT_EQ(owner.use_count(), 1);
  EXPECT_EQ(timers.size(), 0U);
}

}  // namespace
}  // namespace tfe::net
