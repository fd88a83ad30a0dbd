// Takes over connected sockets that another process passes: one packet of a SOCK_SEQPACKET socket
// carries one descriptor (SCM_RIGHTS), and what its sender knows of it, see pass_descriptors.h.
//
// A supervisor passes on what waits in the queue of a worker that cannot accept. Whatever is not
// taken here stays in the socket for whoever reads it next. Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "base/status.h"
#include "base/unique_fd.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/pass_descriptors.h"

namespace tfe::net {

class Inbox final : public IoHandler {
 public:
  // `connection` is valid during the call.
  using OnSocket = std::function<void(base::UniqueFd socket, const SocketAddress& peer,
                                      const PassedOn& connection)>;
  using OnEmpty = std::function<void()>;
  using HasRoom = std::function<bool()>;

  // Duplicates `fd`, which stays its owner's. Sockets handed out are as those of an Acceptor.
  // kInvalidArgument "inbox_fd <n>: ..." for anything but a SOCK_SEQPACKET socket.
  // `on_empty`, which may be empty itself, is called when all was read. `has_room`, which may be
  // empty too, is asked before each packet: the kernel drops a descriptor for which the receiver
  // has no number left. While it says no the owner must stop the inbox, which would not sleep
  // otherwise.
  static base::Result<std::unique_ptr<Inbox>> open(Loop& loop, int fd, OnSocket on_socket,
                                                   OnEmpty on_empty = {}, HasRoom has_room = {});
  ~Inbox() override { stop(); }

  base::Status start();
  // Takes the socket out of the loop. May be called twice.
  void stop();

  // Also to look whether it is empty.
  void on_io(std::uint32_t epoll_events) override;

 private:
  Inbox(Loop& loop, base::UniqueFd socket, OnSocket on_socket, OnEmpty on_empty, HasRoom has_room);
  bool receive_one();

  Loop& loop_;
  const base::UniqueFd socket_;
  const OnSocket on_socket_;
  const OnEmpty on_empty_;
  const HasRoom has_room_;
  const std::unique_ptr<std::byte[]> packet_;
  bool watching_ = false;
};

// Makes a connected stream socket of someone else's fit for a transport: non-blocking, no Nagle's
// delay. False, with the socket unchanged, for anything else.
bool prepare_socket(int fd, SocketAddress& peer);

}  // namespace tfe::net
