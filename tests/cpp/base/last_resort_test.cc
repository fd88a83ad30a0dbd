// Every process that may be ended is a child: it arms the last resort, and the test waits for it.
#include "base/last_resort.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <utility>

#include "base/no_threads.h"
#include "base/unique_fd.h"

namespace tfe::base {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr int kCode = 16;

pid_t child(const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    body();
    ::_exit(0);
  }
  return pid;
}

void wait_for_ever() {
  for (;;) ::pause();
}

int exit_code(pid_t pid) {
  int status = 0;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    in.reset(ends[0]);
    out.reset(ends[1]);
  }
  // Until its last writer is gone.
  std::string rest() {
    out.reset();
    std::string found;
    char byte = 0;
    while (::read(in.get(), &byte, 1) == 1) found += byte;
    return found;
  }
  UniqueFd in;
  UniqueFd out;
};

class LastResort : public testing::Test {
 protected:
  LastResort() : other(child(wait_for_ever)) {}
  ~LastResort() override { end_other(); }

  void end_other() {
    if (other > 0 && ::kill(other, SIGKILL) == 0) exit_code(std::exchange(other, 0));
  }
  void end_other_when_armed() {
    char byte = 0;
    EXPECT_EQ(::read(armed.in.get(), &byte, 1), 1);
    end_other();
  }
  void arm(std::chrono::nanoseconds grace) const {
    if (!arm_last_resort(other, grace, kCode, "too late")) ::_exit(1);
    if (::write(armed.out.get(), "x", 1) != 1) ::_exit(2);
  }

  pid_t other;
  Pipe armed;
};

TEST_F(LastResort, EndsAProcessThatOutlivesTheOther) {
  Pipe said;
  const pid_t stuck = child([&] {
    ::dup2(said.out.get(), 2);
    arm(milliseconds(50));
    wait_for_ever();
  });
  end_other_when_armed();
  EXPECT_EQ(exit_code(stuck), kCode);
  EXPECT_EQ(said.rest(), "too late\n");
}

TEST_F(LastResort, NothingHappensWhileTheOtherLives) {
  const pid_t worker = child([&] {
    arm(milliseconds(0));
    ::usleep(200'000);
  });
  EXPECT_EQ(exit_code(worker), 0);
}

// As a supervisor that becomes another version of its program.
TEST_F(LastResort, AnotherProgramInTheSameProcessIsNoEnd) {
  end_other();
  Pipe go;
  other = child([&] {
    go.rest();
    ::execlp("sleep", "sleep", "60", nullptr);
  });
  const pid_t worker = child([&] {
    arm(milliseconds(0));
    go.out.reset();
    ::usleep(200'000);
  });
  go.out.reset();
  EXPECT_EQ(exit_code(worker), 0);
}

TEST_F(LastResort, WhoLeavesInTimeDecidesHow) {
  Pipe gone;
  const pid_t worker = child([&] {
    arm(hours(1));
    gone.rest();
    ::_exit(7);
  });
  end_other_when_armed();
  gone.out.reset();
  EXPECT_EQ(exit_code(worker), 7);
}

TEST_F(LastResort, AFullPipeDoesNotHoldItUp) {
  Pipe full;
  ::fcntl(full.out.get(), F_SETFL, O_NONBLOCK);
  while (::write(full.out.get(), "x", 1) == 1) {
  }
  ::fcntl(full.out.get(), F_SETFL, 0);
  const pid_t stuck = child([&] {
    ::dup2(full.out.get(), 2);
    arm(milliseconds(0));
    wait_for_ever();
  });
  end_other_when_armed();
  EXPECT_EQ(exit_code(stuck), kCode);
}

TEST_F(LastResort, APipeWithoutAReaderIsNoSignal) {
  Pipe closed;
  const pid_t stuck = child([&] {
    ::dup2(closed.out.get(), 2);
    closed.in.reset();
    arm(milliseconds(0));
    wait_for_ever();
  });
  closed.in.reset();
  end_other_when_armed();
  EXPECT_EQ(exit_code(stuck), kCode);
}

TEST_F(LastResort, HelpersThatStayAreKilled) {
  Pipe held;
  const pid_t stuck = child([&] {
    ::setsid();
    child(wait_for_ever);
    arm(milliseconds(0));
    wait_for_ever();
  });
  end_other_when_armed();
  EXPECT_EQ(exit_code(stuck), kCode);
  EXPECT_EQ(held.rest(), "");
}

TEST(LastResortRefusals, NameTheProcess) {
  const pid_t gone = child([] {});
  EXPECT_EQ(exit_code(gone), 0);
  const auto status = arm_last_resort(gone, hours(1), kCode, "");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kUnavailable);
  EXPECT_EQ(status.error().message,
            "cannot watch process " + std::to_string(gone) + ": No such process");
}

TEST(LastResortRefusals, AThreadThatCannotBe) {
  const test::NoThreads none;
  EXPECT_FALSE(arm_last_resort(::getpid(), hours(1), kCode, ""));
}

}  // namespace
}  // namespace tfe::base
