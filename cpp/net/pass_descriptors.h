// Sends descriptors to another process (SCM_RIGHTS), such as into its Inbox.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace tfe::net {

// What a process that gives a connection away knows of it.
struct PassedOn {
  // Received of it, and to be looked at again by whoever serves it. The kernel counts packets with
  // what they take of its memory: some 25 of 4 KB fit where 278 empty ones do.
  base::Bytes unread = {};
  // How many have given it away since it last had an answer.
  std::uint8_t times = 0;
};

// Bytes of `unread` that fit into a packet.
inline constexpr std::size_t kMaxUnread = 64U << 10;

// One packet: a byte with `times`, and `unread`, with `fds`, which stay the caller's. Does not
// wait: false if the receiver's queue is full, if it has gone, for more than 16 descriptors or
// kMaxUnread bytes, or for any other failure.
bool pass_descriptors(int socket, std::span<const int> fds, const PassedOn& connection = {});

}  // namespace tfe::net
