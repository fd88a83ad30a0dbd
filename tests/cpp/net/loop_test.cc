#include "net/loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/thread.h"

namespace tfe::net {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<Loop> make_loop(LoopOptions options = {}) {
  auto loop = Loop::create(options);
  EXPECT_TRUE(loop.has_value());
  return *loop;
}

TEST(Loop, RejectsASpinOutOfRange) {
  for (const auto spin : {-1us, 1001us}) {
    const auto loop = Loop::create({.spin = spin});
    ASSERT_FALSE(loop.has_value());
    EXPECT_EQ(loop.error().code, base::Code::kInvalidArgument);
    EXPECT_NE(loop.error().message.find("spin_us: expected 0..1000"), std::string::npos);
  }
}

TEST(Loop, RunsTasksInTheOrderOfEachPoster) {
  const auto loop = make_loop();
  auto runner = base::Thread::start("loop", [&] { loop->run(); });
  ASSERT_TRUE(runner.has_value());
  constexpr int kPosters = 4;
  constexpr int kTasks = 2000;
  std::vector<int> last(kPosters, -1);
  int disorder = 0;
  {
    std::vector<std::jthread> posters;
    for (int p = 0; p < kPosters; ++p) {
      posters.emplace_back([&, p] {
        for (int i = 0; i < kTasks; ++i) {
          ASSERT_TRUE(loop->post([&, p, i] {
            if (std::exchange(last[static_cast<std::size_t>(p)], i) != i - 1) ++disorder;
          }));
        }
      });
    }
  }
  loop->stop();
  runner->join();
  EXPECT_EQ(disorder, 0);
  EXPECT_EQ(last, std::vector<int>(kPosters, kTasks - 1));
}

TEST(Loop, StopBeforeRunStillRunsWhatWasPosted) {
  const auto loop = make_loop();
  int ran = 0;
  loop->post([&] {
    ++ran;
    loop->post([&] { ++ran; });
  });
  loop->stop();
  loop->run();
  EXPECT_EQ(ran, 2);
  EXPECT_FALSE(loop->post([&] { ++ran; })) << "the loop has ended";
  EXPECT_EQ(ran, 2);
}

TEST(Loop, FiresTimersAndKeepsCancelledOnesSilent) {
  const auto loop = make_loop();
  bool cancelled_ran = false;
  bool early = false;
  const auto due = base::Clock::now() + 5ms;
  const auto id = loop->run_at(base::Clock::now(), [&] { cancelled_ran = true; });
  loop->cancel_timer(id);
  loop->run_at(due, [&] {
    early = base::Clock::now() < due;
    loop->stop();
  });
  loop->run();
  EXPECT_FALSE(cancelled_ran);
  EXPECT_FALSE(early);
}

TEST(Loop, KnowsItsThreads) {
  const auto loop = make_loop();
  EXPECT_FALSE(Loop::on_any_loop_thread());
  bool inside = false;
  loop->post([&] { inside = Loop::on_any_loop_thread(); });
  loop->stop();
  loop->run();
  EXPECT_TRUE(inside);
  EXPECT_FALSE(Loop::on_any_loop_thread());
}

// Two handlers are ready in the same turn; the first to run removes the other.
class Remover final : public IoHandler {
 public:
  Remover(Loop& loop, int& calls) : loop_(loop), calls_(calls), fd_(::eventfd(1, EFD_CLOEXEC)) {
    EXPECT_TRUE(loop_.add(fd_.get(), EPOLLIN, this));
  }
  void on_io(std::uint32_t) override {
    ++calls_;
    loop_.remove(fd_.get(), this);
    loop_.remove(other->fd_.get(), other);
    loop_.post([this] { loop_.stop(); });
  }
  Remover* other = nullptr;

 private:
  Loop& loop_;
  int& calls_;
  base::UniqueFd fd_;
};

TEST(Loop, ARemovedHandlerGetsNoEventThatWasFetchedBefore) {
  const auto loop = make_loop();
  int calls = 0;
  Remover a(*loop, calls);
  Remover b(*loop, calls);
  a.other = &b;
  b.other = &a;
  loop->run();
  EXPECT_EQ(calls, 1);
}

TEST(Loop, ReportsADescriptorThatCannotBeWatched) {
  const auto loop = make_loop();
  int calls = 0;
  Remover handler(*loop, calls);
  handler.other = &handler;
  const auto added = loop->add(-1, EPOLLIN, &handler);
  ASSERT_FALSE(added.has_value());
  EXPECT_NE(added.error().message.find("Bad file descriptor"), std::string::npos);
}

// Posts and descriptors are served alike while the loop polls and while it sleeps.
TEST(Loop, ServesWhileSpinning) {
  const auto loop = make_loop({.spin = kMaxSpin});
  loop->add_in_flight(1);
  std::atomic<int> ran = 0;
  auto runner = base::Thread::start("loop", [&] { loop->run(); });
  ASSERT_TRUE(runner.has_value());
  for (int i = 0; i < 200; ++i) {
    loop->post([&] { ++ran; });
    while (ran.load() != i + 1) std::this_thread::yield();
    loop->add_in_flight(i % 2 == 0 ? -1 : 1);
  }
  loop->stop();
  runner->join();
  EXPECT_EQ(ran.load(), 200);
}

}  // namespace
}  // namespace tfe::net
