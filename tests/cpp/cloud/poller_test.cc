#include "cloud/poller.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace tfe::cloud {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Poller, AsksOnlyWhenWoken) {
  std::atomic<int> steps = 0;
  {
    Poller poller(milliseconds(1), milliseconds(1), [&] {
      ++steps;
      return false;
    });
  }
  EXPECT_EQ(steps, 0);
}

TEST(Poller, AsksAgainUntilTold) {
  std::atomic<int> steps = 0;
  std::promise<void> done;
  Poller poller(milliseconds(1), milliseconds(2), [&] {
    if (++steps < 5) return true;
    done.set_value();
    return false;
  });
  poller.wake();
  ASSERT_EQ(done.get_future().wait_for(seconds(30)), std::future_status::ready);
  EXPECT_EQ(steps, 5);
}

// The pause of an hour ends at once.
TEST(Poller, AWakeEndsThePause) {
  std::atomic<int> steps = 0;
  std::promise<void> first;
  std::promise<void> second;
  Poller poller(hours(1), hours(1), [&] {
    (++steps == 1 ? first : second).set_value();
    return steps < 2;
  });
  poller.wake();
  ASSERT_EQ(first.get_future().wait_for(seconds(30)), std::future_status::ready);
  poller.wake();
  ASSERT_EQ(second.get_future().wait_for(seconds(30)), std::future_status::ready);
}

}  // namespace
}  // namespace tfe::cloud
