// Sends descriptors to another process (SCM_RIGHTS), such as into its Inbox.
#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.h"

namespace tfe::net {

// What fits into a packet besides descriptors: more than any usual head of a request, and less than
// half of what the kernel lets a sender have under way.
inline constexpr std::size_t kMaxUnread = 64U << 10;

// One packet of a meaningless byte and of `unread`, with `fds`, which stay the caller's. Does not
// wait: false if the receiver's queue is full, if it has gone, for more than 16 descriptors or
// kMaxUnread bytes, or for any other failure.
bool pass_descriptors(int socket, std::span<const int> fds, base::Bytes unread = {});

}  // namespace tfe::net
