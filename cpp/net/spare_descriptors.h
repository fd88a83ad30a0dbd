// Whether this process may open more descriptors (RLIMIT_NOFILE). Any thread.
//
// The kernel gives out the lowest free number and refuses numbers from the limit on, so the number
// of a new descriptor tells how near the limit is. The limit may be changed from outside, so it is
// read anew each time.
#pragma once

#include <cstddef>

namespace tfe::net {

// What connections leave to the rest of the process, such as the files and pipes of backends. Also
// more than the threads of one process open between a look and the use of what was seen.
inline constexpr std::size_t kSpareDescriptors = 16;

// True if the lowest free number is at least `spare` below the limit. `any` is an open descriptor.
bool descriptors_left(int any, std::size_t spare);

// True if `count` are free now. Free numbers may lie anywhere, so it takes them for a moment.
bool descriptors_free(int any, std::size_t count);

// As descriptors_left() for `newest`, which was the lowest free number a moment ago.
bool was_below_limit(int newest, std::size_t spare);

}  // namespace tfe::net
