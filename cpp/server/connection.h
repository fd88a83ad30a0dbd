// One connection: a transport, the protocol spoken over it, and the strand that serializes the two.
//
//   HANDSHAKE ---> OPEN --- protocol finished ---> LINGERING --- peer closed, or timeout --->
//   CLOSED
//       |           +------ stream dead, abort, slow reader, idle when drained ----------------^
//       +--- failed, too slow, drain or abort -------------------------------------------------^
//
// Without TLS the handshake is over at once. A peer that speaks clear text where TLS is expected is
// told so, as far as HTTP/1 can tell it.
//
// Thread rule: open(), notify() and on_io() on the loop's thread; Strand as it says. All work is a
// turn(): look at the signals, receive, run timers and tasks, send once. Turns run while the gate
// is held, on the loop's thread or, for Where::kHere, on the poster's. Only the loop's thread reads
// and closes. Lifetime rule: the protocol holds the connection as its strand and the connection
// owns the protocol; close() breaks that ring. Whoever holds the strand afterwards may still post.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "http/exchange.h"
#include "http/protocol.h"
#include "net/loop.h"
#include "net/pass_descriptors.h"
#include "net/timer_queue.h"
#include "net/transport.h"
#include "server/socket_pump.h"
#include "server/strand_gate.h"

namespace tfe::server {

enum class PeerKind : std::uint8_t {
  kClient,
  kOverCap,  // a client above max_connections: its requests are to be refused
  kLink,     // a server of the same port in another process, see HttpServer::link()
};

struct Peer {
  const net::SocketAddress& address;
  std::string_view alpn;  // empty without TLS
  bool tls = false;
  PeerKind kind = PeerKind::kClient;
  http::HandOver hand_over = {};  // empty: the connection has to stay
};

// Called on a loop thread when a connection was accepted. Never returns null.
using ProtocolFactory =
    std::function<std::unique_ptr<http::Protocol>(const Peer&, std::shared_ptr<http::Strand>)>;

struct ConnectionLimits {
  // From accept to the end of the TLS handshake: two round trips and a signature. A client that
  // stops in the middle holds a descriptor and some 30 KB.
  std::chrono::milliseconds handshake_timeout{10'000};
  // A client that takes less than min_write_progress of its response for this long is cut off: its
  // output holds memory of ours and of the model. Zero: never.
  std::chrono::milliseconds write_timeout{60'000};
  // 273 bytes a second at the default timeout: slower than any line that could be meant.
  std::size_t min_write_progress = 16U << 10;
  // How long to wait, after the last response, for the client to close first. Closing while its
  // bytes arrive would reset the connection and could take the response from it.
  std::chrono::milliseconds linger_timeout{2'000};
  // Bytes per connection and turn, so that one fast client cannot keep the others of its loop
  // waiting.
  std::size_t receive_budget = 1U << 20;
  std::size_t send_budget = 4U << 20;
  // The same for a thread of the core that writes a response itself; the loop sends the rest.
  std::size_t send_here_budget = 256U << 10;
  // What a protocol is asked to have ready at a time.
  std::size_t output_batch = 256U << 10;
};

struct Counters {
  std::atomic<std::uint64_t> bytes_in = 0;
  std::atomic<std::uint64_t> bytes_out = 0;
  std::atomic<std::uint64_t> handshake_failures = 0;
};

class Connection;

class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // On the loop's thread, within a turn. The connection stays valid until the turn ends.
  virtual void on_closed(Connection& connection) = 0;
  // Any thread, within a turn: as http::HandOver, for a connection in clear text.
  virtual http::HandedOver hand_over(int socket, const net::PassedOn& connection) {
    (void)socket;
    (void)connection;
    return http::HandedOver::kNobody;
  }
};

class Connection final : public http::Strand,
                         public net::IoHandler,
                         public std::enable_shared_from_this<Connection> {
 public:
  // `owner` and `counters` must outlive the connection's closing.
  Connection(std::shared_ptr<net::Loop> loop, std::unique_ptr<net::Transport> transport,
             const ConnectionLimits& limits, ConnectionOwner& owner, Counters& counters);

  // Begins to read; the protocol is made when the handshake is done. `factory` must live until the
  // connection is closed. On failure the connection is closed, without on_closed.
  // `passed_on`: how many have given it away since it last had an answer, see hand_over().
  base::Status open(const ProtocolFactory& factory, PeerKind kind, std::uint8_t passed_on = 0);
  // kDrain: finish what is in flight, then close. kAbort: close now.
  void notify(Signals signals);

  void on_io(std::uint32_t epoll_events) override;

  void post(Task task, Where where) override;
  TimerId run_at(base::TimePoint when, Task task) override;
  void cancel_timer(TimerId id) override;

  // Whether the calling thread is inside a turn of some connection.
  static bool on_any_strand();

 private:
  enum class State : std::uint8_t { kHandshake, kOpen, kLingering, kClosed };

  void visit_from_loop(Signals signals);
  void schedule();
  // One look at everything; returns the signals for the next one.
  Signals turn(Signals signals, bool on_loop);
  void note(Signals signals);
  void give_up();
  void shake_hands();
  void make_protocol();
  http::HandedOver hand_over(base::Bytes unread);
  void settle_handshake(base::TimePoint now);
  void receive(base::TimePoint now);
  void run_timers(base::TimePoint now);
  void run_tasks(bool on_loop);
  void send(base::TimePoint now, bool on_loop);
  void settle(base::TimePoint now, bool on_loop);
  void linger(base::TimePoint now);
  void begin_linger(base::TimePoint now);
  void close();
  void end_protocol();

  void watch_writable();
  void report_progress();
  std::optional<base::TimePoint> next_due() const;
  void arm(bool on_loop);

  const std::shared_ptr<net::Loop> loop_;
  const ConnectionLimits& limits_;
  ConnectionOwner& owner_;
  Counters& counters_;
  StrandGate gate_;

  // All below: on the strand.
  std::unique_ptr<net::Transport> transport_;
  SocketPump pump_;
  std::unique_ptr<http::Protocol> protocol_;  // null unless kOpen
  const ProtocolFactory* factory_ = nullptr;
  State state_ = State::kHandshake;
  PeerKind kind_ = PeerKind::kClient;
  bool failed_ = false;  // close at the next turn on the loop
  bool draining_ = false;
  bool begin_drain_ = false;    // tell the protocol after the next receive()
  bool close_at_once_ = false;  // nothing was in flight when the drain began: no need to linger
  bool handed_over_ = false;    // the socket is another server's, too: leave it as it is
  std::uint8_t passed_on_ = 0;  // see open()
  Signals next_turn_ = 0;
  std::vector<Task> tasks_;
  net::TimerQueue timers_;
  base::TimePoint handshake_until_;
  base::TimePoint linger_until_;
  std::size_t reported_in_flight_ = 0;
  // The loop's timer is moved only to earlier times. A deadline that moves back, as those of
  // requests do all the time, is found to be not yet due when the timer fires.
  std::optional<base::TimePoint> armed_for_;
  net::Loop::TimerId armed_timer_ = 0;
};

}  // namespace tfe::server
