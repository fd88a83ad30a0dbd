// Sends descriptors to another process (SCM_RIGHTS), such as into its Inbox.
#pragma once

#include <span>

namespace tfe::net {

// One packet of one meaningless byte with `fds`, which stay the caller's. Does not wait: false if
// the receiver's queue is full, if it has gone, for more than 16, or for any other failure.
bool pass_descriptors(int socket, std::span<const int> fds);

}  // namespace tfe::net
