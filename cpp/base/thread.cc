#include "base/thread.h"

#include <csignal>
#include <memory>
#include <system_error>
#include <utility>

namespace tfe::base {
namespace {

struct Start {
  std::string name;
  Thread::Body body;
};

void* thread_main(void* argument) {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  ::pthread_setname_np(::pthread_self(), start->name.c_str());
  start->body();
  return nullptr;
}

}  // namespace

Thread::Thread(Thread&& other) noexcept
    : handle_(other.handle_), joinable_(std::exchange(other.joinable_, false)) {}

Thread& Thread::operator=(Thread&& other) noexcept {
  if (this == &other) return *this;
  join();
  handle_ = other.handle_;
  joinable_ = std::exchange(other.joinable_, false);
  return *this;
}

Result<Thread> Thread::start(const std::string& name, Body body, Signals signals) {
  auto argument = std::make_unique<Start>(name.substr(0, 15), std::move(body));
  // A new thread inherits the mask, so there is no moment in which it could take a signal.
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  if (signals == Signals::kBlocked) ::sigfillset(&blocked);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  Thread thread;
  const int error = ::pthread_create(&thread.handle_, nullptr, thread_main, argument.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    return fail(Code::kUnavailable,
                "cannot start thread '" + name + "': " + std::generic_category().message(error));
  }
  argument.release();
  thread.joinable_ = true;
  return thread;
}

void Thread::join() {
  if (std::exchange(joinable_, false)) ::pthread_join(handle_, nullptr);
}

void Thread::detach() {
  if (std::exchange(joinable_, false)) ::pthread_detach(handle_);
}

}  // namespace tfe::base
