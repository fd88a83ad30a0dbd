// The end of a process that has outlived another one, its supervisor, and cannot leave by itself: a
// lock that is held for ever, a library that does not stop. Needs no lock of anybody, and no
// wake-up while the other process lives.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/status.h"

namespace tfe::base {

// When the process `pid` has ended, this one has `grace` to leave. Then `words` go to its standard
// error, if somebody takes them at once, and it ends with `code`. If it leads its process group,
// whoever is left of that is killed a second later. Cannot be called off.
//
// kUnavailable: there is no such process, no thread, or the kernel is older than Linux 5.3.
Status arm_last_resort(pid_t pid, std::chrono::nanoseconds grace, int code, std::string words);

}  // namespace tfe::base
