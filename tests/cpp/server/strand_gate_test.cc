#include "server/strand_gate.h"

#include <gtest/gtest.h>

#include <string>

namespace tfe::server {
namespace {

using Left = StrandGate::Left;
using Posted = StrandGate::Posted;
using Where = StrandGate::Where;

class StrandGateTest : public testing::Test {
 protected:
  Posted post(char name, Where where) {
    StrandGate::Task task = [this, name] { ran += name; };
    const Posted posted = gate.post(task, where);
    if (posted == Posted::kRun) task();
    return posted;
  }
  void run(bool on_loop) {
    std::vector<StrandGate::Task> tasks;
    gate.take_tasks(tasks, on_loop);
    for (auto& task : tasks) task();
  }

  StrandGate gate;
  std::string ran;
};

TEST_F(StrandGateTest, RunsHereWhenFree) {
  EXPECT_EQ(post('a', Where::kHere), Posted::kRun);
  EXPECT_EQ(gate.leave(false, 0, true), Left::kLeft);
  EXPECT_EQ(ran, "a");
}

TEST_F(StrandGateTest, WakesTheLoopOnceForManyTasks) {
  EXPECT_EQ(post('a', Where::kLoop), Posted::kWake);
  EXPECT_EQ(post('b', Where::kLoop), Posted::kQueued);
  EXPECT_EQ(post('c', Where::kHere), Posted::kQueued) << "must not overtake a and b";
  EXPECT_TRUE(gate.enter(0));
  run(true);
  EXPECT_EQ(gate.leave(true, 0, true), Left::kLeft);
  EXPECT_EQ(ran, "abc");
}

TEST_F(StrandGateTest, NeedsNoWakeWhileTheLoopIsInside) {
  ASSERT_TRUE(gate.enter(kReadable));
  EXPECT_EQ(gate.take_signals(), Signals{kReadable});
  EXPECT_EQ(post('a', Where::kHere), Posted::kQueued);
  EXPECT_EQ(post('b', Where::kLoop), Posted::kQueued);
  EXPECT_EQ(ran, "") << "also from the strand itself: never inside post()";
  EXPECT_EQ(gate.leave(true, 0, true), Left::kAgain);
  run(true);
  EXPECT_EQ(gate.leave(true, 0, true), Left::kLeft);
  EXPECT_EQ(ran, "ab");
}

TEST_F(StrandGateTest, AnotherThreadLeavesTheLoopsTasksToTheLoop) {
  ASSERT_EQ(post('a', Where::kHere), Posted::kRun);
  EXPECT_EQ(post('b', Where::kHere), Posted::kQueued);
  EXPECT_EQ(post('c', Where::kLoop), Posted::kQueued);
  EXPECT_EQ(post('d', Where::kHere), Posted::kQueued);
  EXPECT_EQ(gate.leave(false, 0, true), Left::kAgain);
  run(false);
  EXPECT_EQ(ran, "ab");
  EXPECT_EQ(gate.leave(false, 0, true), Left::kWake);
  ASSERT_TRUE(gate.enter(0));
  run(true);
  EXPECT_EQ(ran, "abcd");
  EXPECT_EQ(gate.leave(true, 0, true), Left::kLeft);
}

TEST_F(StrandGateTest, KeepsSignalsThatCameWhileHeld) {
  ASSERT_EQ(post('a', Where::kHere), Posted::kRun);
  EXPECT_FALSE(gate.enter(kReadable));
  EXPECT_FALSE(gate.enter(kPeerClosed));
  EXPECT_EQ(gate.leave(false, kResume, true), Left::kWake);
  EXPECT_TRUE(gate.enter(0));
  EXPECT_EQ(gate.take_signals(), Signals{kReadable | kPeerClosed | kResume});
  EXPECT_EQ(gate.leave(true, 0, true), Left::kLeft);
}

TEST_F(StrandGateTest, EndsALongVisit) {
  ASSERT_TRUE(gate.enter(0));
  post('a', Where::kLoop);
  EXPECT_EQ(gate.leave(true, 0, false), Left::kWake);
  EXPECT_TRUE(gate.enter(0));
  run(true);
  EXPECT_EQ(gate.leave(true, kResume, true), Left::kWake)
      << "signals for the next turn wait for it";
  EXPECT_TRUE(gate.enter(0));
}

TEST_F(StrandGateTest, RunsEverythingAnywhereOnceClosed) {
  ASSERT_TRUE(gate.enter(0));
  post('a', Where::kLoop);
  gate.close();
  EXPECT_EQ(gate.leave(true, 0, false), Left::kAgain) << "nobody else would run it";
  run(true);
  EXPECT_EQ(gate.leave(true, kResume, false), Left::kLeft);
  EXPECT_EQ(post('b', Where::kLoop), Posted::kRun);
  EXPECT_EQ(post('c', Where::kLoop), Posted::kQueued);
  EXPECT_EQ(gate.leave(false, 0, false), Left::kAgain);
  run(false);
  EXPECT_EQ(gate.leave(false, 0, false), Left::kLeft);
  EXPECT_EQ(ran, "abc");
}

}  // namespace
}  // namespace tfe::server
