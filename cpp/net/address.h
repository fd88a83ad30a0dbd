// Socket addresses, and the forms in which a user may write where to listen:
//
//   0.0.0.0   127.0.0.1   ::   ::1   [::1]   localhost   fe80::1%eth0   ipv4:1.2.3.4   ipv6:[::1]
//   unix:/run/server.sock   unix:/run/server.sock,mode=660   unix-abstract:name
//
// The port is an option of its own.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tfe::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  static SocketAddress of_local_end(int fd);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // 0 for unix sockets.
  std::uint16_t port() const;
  // A unix socket that has no name: an end of a socketpair, or of a client that did not bind.
  bool unnamed() const;
  // Without the port: "127.0.0.1", "::1", "/run/server.sock", "@name", or "" for an unnamed peer.
  std::string host() const;
  // "127.0.0.1:8000", "[::1]:8000", "unix:/run/server.sock", "unix:".
  std::string text() const;
};

struct ListenTarget {
  // At least one, to be tried in this order (a host name may have several).
  std::vector<SocketAddress> candidates;
  // What messages call it: "<address>:<port>" with the address as the user wrote it.
  std::string label;
  // Set for a unix socket in the file system.
  std::string unix_path;
  std::optional<mode_t> unix_mode;
};

// Errors (kInvalidArgument, or kUnavailable when the resolver failed) begin with "address
// '<text>'".
base::Result<ListenTarget> resolve_listen_address(std::string_view address, std::uint16_t port);

}  // namespace tfe::net
