#include "kserve/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <future>
#include <optional>

#include "base/no_threads.h"

namespace tfe::kserve {
namespace {

TEST(ExecutorTest, RunsWhatIsSubmittedBeforeItEnds) {
  std::atomic<int> done = 0;
  {
    Executor executor(2, 100);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(executor.submit([&done] { ++done; }));
  }
  EXPECT_EQ(done, 50);
}

// Loads run on it, and the programs that backends start for their models inherit the mask.
TEST(ExecutorTest, BlocksNoSignals) {
  std::promise<bool> blocked;
  Executor executor(1, 100);
  ASSERT_TRUE(executor.submit([&blocked] {
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked.set_value(::sigismember(&mask, SIGTERM) == 1);
  }));
  EXPECT_FALSE(blocked.get_future().get());
}

TEST(ExecutorTest, RefusesBeyondTheLimit) {
  std::promise<void> started, gate;
  std::atomic<int> done = 0;
  {
    Executor executor(1, 2);
    ASSERT_TRUE(executor.submit([&] {
      started.set_value();
      gate.get_future().wait();
    }));
    started.get_future().wait();
    EXPECT_TRUE(executor.submit([&done] { ++done; }));
    EXPECT_TRUE(executor.submit([&done] { ++done; }));
    const auto refused = executor.submit([&done] { ++done; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, base::Code::kResourceExhausted);
    gate.set_value();
  }
  EXPECT_EQ(done, 2);
}

TEST(ExecutorTest, QuickTasksDoNotWaitForSlowOnes) {
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();
  Executor executor(2, 10);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(executor.submit([opened] { opened.wait(); }));
  std::promise<void> done;
  ASSERT_TRUE(executor.submit([&done] { done.set_value(); }, Executor::Lane::kQuick));
  done.get_future().wait();
  gate.set_value();
}

TEST(ExecutorTest, EachLaneHasItsLimit) {
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();
  std::atomic<int> started = 0;
  std::atomic<int> done = 0;
  {
    Executor executor(1, 1);
    const auto block = [&started, opened] {
      started.fetch_add(1);
      started.notify_one();
      opened.wait();
    };
    ASSERT_TRUE(executor.submit(block));
    ASSERT_TRUE(executor.submit(block, Executor::Lane::kQuick));
    for (int now = started; now < 2; now = started) started.wait(now);
    EXPECT_TRUE(executor.submit([&done] { ++done; }));
    EXPECT_FALSE(executor.submit([&done] { ++done; }));
    EXPECT_TRUE(executor.submit([&done] { ++done; }, Executor::Lane::kQuick));
    EXPECT_FALSE(executor.submit([&done] { ++done; }, Executor::Lane::kQuick));
    gate.set_value();
  }
  EXPECT_EQ(done, 2);
}

TEST(ExecutorTest, ATaskMaySubmit) {
  std::promise<void> done;
  Executor executor(1, 10);
  ASSERT_TRUE(
      executor.submit([&] { ASSERT_TRUE(executor.submit([&done] { done.set_value(); })); }));
  done.get_future().wait();
}

TEST(ExecutorTest, AReferenceThatOutlivesItIsRefused) {
  std::optional<ExecutorRef> late;
  std::atomic<int> done = 0;
  {
    Executor executor(1, 10);
    late.emplace(executor);
    EXPECT_TRUE(late->submit([&done] { ++done; }));
    EXPECT_TRUE(late->submit([&done] { ++done; }, Executor::Lane::kQuick));
  }
  EXPECT_EQ(done, 2);
  const auto refused = late->submit([&done] { ++done; });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kUnavailable);
  EXPECT_EQ(done, 2);
}

TEST(ExecutorTest, NoThreadsActsAsOne) {
  std::promise<void> done;
  Executor executor(0, 1);
  ASSERT_TRUE(executor.submit([&done] { done.set_value(); }));
  done.get_future().wait();
}

TEST(ExecutorTest, SaysThatItHasNoThreads) {
  const test::NoThreads refused;
  Executor executor(2, 10);
  ASSERT_FALSE(executor.started());
  EXPECT_EQ(executor.started().error().code, base::Code::kUnavailable);
  EXPECT_FALSE(executor.submit([] { ADD_FAILURE(); }));
}

}  // namespace
}  // namespace tfe::kserve
