#include "base/last_resort.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

#include "base/thread.h"
#include "base/unique_fd.h"

namespace tfe::base {
namespace {

// Helpers look for their parent every 0.3 s, remove their shared memory and leave: to kill them
// with it would leave that behind.
constexpr std::chrono::seconds kHelperGrace{1};

bool wait_for_end(int process) {
  pollfd end{process, POLLIN, 0};
  while (::poll(&end, 1, -1) < 0) {
    if (errno != EINTR) return false;  // a doubt is no reason to end anything
  }
  return true;
}

// Through a description of its own: a pipe that nobody empties must not hold us up.
void say(const std::string& words) {
  const UniqueFd out(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_APPEND | O_CLOEXEC));
  if (out) [[maybe_unused]]
    const auto written = ::write(out.get(), words.data(), words.size());
}

void end_group_later() {
  if (::getpgrp() != ::getpid()) return;  // it is somebody else's
  // Not fork(): that takes locks which a thread that is stuck may hold.
  if (::_Fork() != 0) return;
  ::close_range(0, ~0U, 0);  // nothing of the process may outlive it for our sake
  std::this_thread::sleep_for(kHelperGrace);
  ::kill(0, SIGKILL);
}

}  // namespace

Status arm_last_resort(pid_t pid, std::chrono::nanoseconds grace, int code, std::string words) {
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {
    return fail(Code::kUnavailable, "cannot watch process " + std::to_string(pid) + ": " +
                                        std::generic_category().message(errno));
  }
  words += '\n';
  auto thread = Thread::start("last-resort", [process = std::move(process), grace, code,
                                              words = std::move(words)]() mutable {
    if (!wait_for_end(process.get())) return;
    std::this_thread::sleep_for(grace);
    process.reset();  // leaves a number for `say` where there is no other
    say(words);
    end_group_later();
    ::_exit(code);
  });
  if (!thread) return std::unexpected(std::move(thread.error()));
  thread->detach();
  return {};
}

}  // namespace tfe::base
