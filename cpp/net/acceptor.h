// Accepts connections on one loop and hands them out.
//
// One acceptor, rather than every loop waiting on the listener: with a shared wait the loop that
// happens to be awake takes whole bursts, and connections live long, so they would stay unevenly
// spread. The owner can give each one to its least busy loop. Loop thread only.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "base/status.h"
#include "base/unique_fd.h"
#include "net/listener.h"
#include "net/loop.h"

namespace tfe::net {

class Acceptor final : public IoHandler {
 public:
  using OnAccept = std::function<void(base::UniqueFd socket, const SocketAddress& peer)>;
  using OnError = std::function<void(const base::Error& error)>;
  using OnLack = std::function<void(bool lacking)>;

  // All must outlive the acceptor. Sockets handed out are non-blocking, close-on-exec and, for TCP,
  // without Nagle's delay. `on_error` may be empty; it hears of a lack of descriptors or memory (at
  // most once per back-off) and of a listener that has become unusable.
  //
  // With `on_lack` somebody else serves the queue while this process is short of descriptors: then
  // clients stay in the queue and kSpareDescriptors stay free. It is called at the start and at the
  // end of such a time. Without it, such clients are accepted and closed, one per back-off.
  Acceptor(Loop& loop, const Listener& listener, OnAccept on_accept, OnError on_error,
           OnLack on_lack = {});
  ~Acceptor() override { stop(); }

  base::Status start();
  // Takes the listener out of the loop. May be called twice.
  void stop();
  // Accepts what is waiting, `most` at most, as others may come all the time; for a listener that
  // is about to be closed.
  void accept_waiting(int most);
  // Whether one more descriptor may be taken now, for others who take some beside this. False
  // begins a lack.
  bool has_room();

  void on_io(std::uint32_t epoll_events) override;

 private:
  enum class Step { kAccepted, kAgain, kEmpty, kBackOff, kDead };
  Step accept_one();
  Step taken(int newest);
  Step out_of_descriptors(int error);
  Step shed_one(int error);
  void begin_lack(int error);
  bool lack_goes_on();
  void back_off();
  void try_later();
  void report(base::Code code, const char* what, int error);

  Loop& loop_;
  const Listener& listener_;
  const OnAccept on_accept_;
  const OnError on_error_;
  const OnLack on_lack_;
  bool watching_ = false;
  bool lacking_ = false;
  std::optional<Loop::TimerId> back_off_timer_;
  // Given up when the process is out of descriptors, to accept a client and close it: it learns at
  // once that it should go elsewhere, and the listener does not stay readable, which would keep the
  // loop from sleeping.
  base::UniqueFd reserve_;
};

}  // namespace tfe::net
