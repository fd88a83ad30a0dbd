#include "base/thread.h"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <string>

namespace tfe::base {
namespace {

TEST(Thread, HasItsNameAndBlocksSignals) {
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  std::string name;
  bool blocked = false;
  {
    auto thread = Thread::start("a-name-longer-than-fifteen", [&] {
      char text[32];
      ::pthread_getname_np(::pthread_self(), text, sizeof text);
      name = text;
      sigset_t mask;
      ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      blocked = ::sigismember(&mask, SIGINT) == 1 && ::sigismember(&mask, SIGTERM) == 1;
    });
    ASSERT_TRUE(thread.has_value());
  }
  EXPECT_EQ(name, "a-name-longer-t");
  EXPECT_TRUE(blocked);
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  EXPECT_EQ(::sigismember(&after, SIGINT), ::sigismember(&before, SIGINT));
}

TEST(Thread, JoinsOnceAndMoves) {
  std::atomic<int> ran = 0;
  Thread holder;
  holder.join();
  for (int i = 0; i < 3; ++i) {
    auto thread = Thread::start("t", [&] { ++ran; });
    ASSERT_TRUE(thread.has_value());
    holder = std::move(*thread);
  }
  holder.join();
  holder.join();
  EXPECT_EQ(ran, 3);
}

TEST(Thread, RunsOnWhenItIsDetached) {
  struct Flags {
    std::atomic<bool> go = false;
    std::atomic<bool> done = false;
  };
  const auto flags = std::make_shared<Flags>();
  {
    auto thread = Thread::start("t", [flags] {
      flags->go.wait(false);
      flags->done = true;
      flags->done.notify_one();
    });
    ASSERT_TRUE(thread.has_value());
    thread->detach();
  }
  flags->go = true;
  flags->go.notify_one();
  flags->done.wait(false);
}

}  // namespace
}  // namespace tfe::base
