// The one clock: monotonic, so that a step of the wall clock never expires a deadline.
#pragma once

#include <chrono>

namespace tfe::base {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

}  // namespace tfe::base
