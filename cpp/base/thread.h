// A named thread whose failure to start is a value. As a rule every signal is blocked in it, so
// that signals reach the threads of the embedding program (Python's main thread).
#pragma once

#include <pthread.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"

namespace tfe::base {

class Thread {
 public:
  using Body = std::move_only_function<void()>;
  // kInherited: those of the starting thread. Programs that a thread starts inherit its mask, too.
  enum class Signals : std::uint8_t { kBlocked, kInherited };

  Thread() = default;
  Thread(Thread&& other) noexcept;
  // Joins the thread that it held before.
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { join(); }

  // `name` is cut to the 15 characters that the kernel keeps.
  static Result<Thread> start(const std::string& name, Body body,
                              Signals signals = Signals::kBlocked);

  // Does nothing if the thread was joined before or never started.
  void join();

  // From now on it runs for itself, to its end or that of the process.
  void detach();

 private:
  pthread_t handle_{};
  bool joinable_ = false;
};

}  // namespace tfe::base
