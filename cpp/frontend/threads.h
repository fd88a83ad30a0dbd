// The threads of a frontend besides its loops.
#pragma once

#include "frontend/options.h"
#include "kserve/executor.h"

namespace tfe::frontend {

// Where handlers run what would hold a loop thread.
struct Threads {
  explicit Threads(const Control& limits) : control(limits.threads, limits.queue_limit) {}

  base::Status started() const { return control.started() ? codec.started() : control.started(); }

  // Calls of the core that block, perhaps for minutes.
  kserve::Executor control;
  // Decoding and (de)compressing large bodies: short, but too long for a loop. Two keep up with
  // what two loop threads receive.
  kserve::Executor codec{2, 1024};
};

}  // namespace tfe::frontend
