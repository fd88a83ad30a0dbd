// Takes over connected sockets that another process passes: one packet of a SOCK_SEQPACKET socket
// carries one descriptor (SCM_RIGHTS), its bytes mean nothing.
//
// A supervisor passes on what waits in the queue of a worker that cannot accept. Whatever is not
// taken here stays in the socket for whoever reads it next. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "base/status.h"
#include "base/unique_fd.h"
#include "net/address.h"
#include "net/loop.h"

namespace tfe::net {

class Inbox final : public IoHandler {
 public:
  using OnSocket = std::function<void(base::UniqueFd socket, const SocketAddress& peer)>;

  // Duplicates `fd`, which stays its owner's. Sockets handed out are as those of an Acceptor.
  // kInvalidArgument "inbox_fd <n>: ..." for anything but a SOCK_SEQPACKET socket.
  static base::Result<std::unique_ptr<Inbox>> open(Loop& loop, int fd, OnSocket on_socket);
  ~Inbox() override { stop(); }

  base::Status start();
  // Takes the socket out of the loop. May be called twice.
  void stop();

  void on_io(std::uint32_t epoll_events) override;

 private:
  Inbox(Loop& loop, base::UniqueFd socket, OnSocket on_socket)
      : loop_(loop), socket_(std::move(socket)), on_socket_(std::move(on_socket)) {}
  bool receive_one();

  Loop& loop_;
  const base::UniqueFd socket_;
  const OnSocket on_socket_;
  bool watching_ = false;
};

// Makes a connected stream socket of someone else's fit for a transport: non-blocking, no Nagle's
// delay. False, with the socket unchanged, for anything else.
bool prepare_socket(int fd, SocketAddress& peer);

}  // namespace tfe::net
