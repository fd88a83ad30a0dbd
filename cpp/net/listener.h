// A listening stream socket: made here (TCP or unix), or inherited from a supervisor.
//
// Lifetime rule: an inherited descriptor is only duplicated, never closed or shut down here, so the
// queue of waiting clients survives this process. Its O_NONBLOCK flag is shared by all duplicates
// and is set here. Take a listener out of every epoll set before it is destroyed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/status.h"
#include "base/unique_fd.h"
#include "net/address.h"

namespace tfe::net {

struct ListenOptions {
  // See net/address.h for the forms. Ignored, like all below but the backlog, with inherited_fd.
  std::string address = "0.0.0.0";
  // 0: the kernel chooses; Listener::port() tells.
  std::uint16_t port = 0;
  // Lets other sockets of the same user share the port (SO_REUSEPORT). Off: the port is ours alone.
  bool reuse_port = false;
  // "0.0.0.0" also takes IPv6 clients where the machine has IPv6, as gRPC servers do.
  bool dual_stack = false;
  // Connections that may wait for accept; the kernel cuts it to net.core.somaxconn. gRPC's value.
  int backlog = 4096;
  // A listening stream socket of someone else's, or -1.
  int inherited_fd = -1;
};

class Listener {
 public:
  // Messages: "Socket '<address>:<port>' already in use " (with that blank, which clients of the
  // reference server match) when the port is taken, otherwise "address '<address>:<port>': cannot
  // <step>: <system's text>"; "inherited_fd <n>: expected a listening stream socket: ..." .
  static base::Result<Listener> open(const ListenOptions& options);

  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) = delete;
  // Closes the socket, and removes the file of a unix socket if it is still the one made here.
  ~Listener();

  int fd() const { return socket_.get(); }
  // The bound address; port 0 for unix sockets.
  const SocketAddress& address() const { return address_; }
  std::uint16_t port() const { return address_.port(); }
  bool inherited() const { return inherited_; }

 private:
  Listener(base::UniqueFd socket, bool inherited);
  static base::Result<Listener> inherit(const ListenOptions& options);
  static base::Result<Listener> bind_target(const ListenTarget& target,
                                            const ListenOptions& options);
  void remember_unix_file(const std::string& path);

  base::UniqueFd socket_;
  bool inherited_;
  SocketAddress address_;
  std::string unix_path_;
  dev_t unix_device_ = 0;
  ino_t unix_inode_ = 0;
};

}  // namespace tfe::net
