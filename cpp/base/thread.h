// A named thread with every signal blocked, so that signals reach the threads of the embedding
// program (Python's main thread), and whose failure to start is a value.
#pragma once

#include <pthread.h>

#include <functional>
#include <string>

#include "base/status.h"

namespace tfe::base {

class Thread {
 public:
  using Body = std::move_only_function<void()>;

  Thread() = default;
  Thread(Thread&& other) noexcept;
  // Joins the thread that it held before.
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { join(); }

  // `name` is cut to the 15 characters that the kernel keeps.
  static Result<Thread> start(const std::string& name, Body body);

  // Does nothing if the thread was joined before or never started.
  void join();

 private:
  pthread_t handle_{};
  bool joinable_ = false;
};

}  // namespace tfe::base
