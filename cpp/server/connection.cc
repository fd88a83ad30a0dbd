#include "server/connection.h"

#include <algorithm>
#include <utility>

namespace tfe::server {
namespace {

// Visits of the loop to one connection before it looks after the others.
constexpr int kMaxTurns = 8;
// A thread of the core that came to write one response runs at most this many turns, or it could
// be kept busy with the responses of all others.
constexpr int kMaxTurnsHere = 4;

constexpr std::uint32_t kEpollEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

constexpr http::Strand::TimerId kNoTimer = 0;

thread_local int strand_depth = 0;

struct StrandScope {
  StrandScope() { ++strand_depth; }
  ~StrandScope() { --strand_depth; }
  StrandScope(const StrandScope&) = delete;
  StrandScope& operator=(const StrandScope&) = delete;
};

Signals signals_of(std::uint32_t epoll_events) {
  Signals signals = 0;
  if (epoll_events & EPOLLIN) signals |= kReadable;
  if (epoll_events & EPOLLOUT) signals |= kWritable;
  if (epoll_events & EPOLLRDHUP) signals |= kPeerClosed;
  if (epoll_events & (EPOLLERR | EPOLLHUP)) signals |= kBroken;
  return signals;
}

}  // namespace

Connection::Connection(std::shared_ptr<net::Loop> loop, std::unique_ptr<net::Transport> transport,
                       const ConnectionLimits& limits, ConnectionOwner& owner, Counters& counters)
    : loop_(std::move(loop)),
      limits_(limits),
      owner_(owner),
      counters_(counters),
      transport_(std::move(transport)),
      pump_(*transport_, limits.min_write_progress) {}

bool Connection::on_any_strand() { return strand_depth > 0; }

base::Status Connection::open(const ProtocolFactory& factory, PeerKind kind,
                              std::uint8_t passed_on) {
  factory_ = &factory;
  kind_ = kind;
  passed_on_ = passed_on;
  handshake_until_ = loop_->now() + limits_.handshake_timeout;
  if (auto added = loop_->add(transport_->fd(), kEpollEvents, this); !added) {
    transport_.reset();
    state_ = State::kClosed;
    gate_.close();
    return added;
  }
  visit_from_loop(kResume);  // there may be something to say first, and a deadline to watch
  return {};
}

void Connection::notify(Signals signals) {
  const auto self = shared_from_this();
  visit_from_loop(signals);
}

void Connection::on_io(std::uint32_t epoll_events) {
  const auto self = shared_from_this();
  visit_from_loop(signals_of(epoll_events));
}

void Connection::schedule() {
  // Refused only when the loop has ended, and then all its connections are closed.
  loop_->post([self = shared_from_this()] { self->visit_from_loop(0); });
}

void Connection::visit_from_loop(Signals signals) {
  if (!gate_.enter(signals)) return;
  const StrandScope scope;
  auto left = StrandGate::Left::kAgain;
  for (int turns = 1; left == StrandGate::Left::kAgain; ++turns) {
    const Signals next = turn(gate_.take_signals(), true);
    left = gate_.leave(true, next, turns < kMaxTurns);
  }
  if (left == StrandGate::Left::kWake) schedule();
}

void Connection::post(Task task, Where where) {
  switch (gate_.post(task, where)) {
    case StrandGate::Posted::kQueued:
      return;
    case StrandGate::Posted::kWake:
      return schedule();
    case StrandGate::Posted::kRun:
      break;
  }
  const StrandScope scope;
  tasks_.push_back(std::move(task));
  auto left = StrandGate::Left::kAgain;
  for (int turns = 1; left == StrandGate::Left::kAgain; ++turns) {
    const Signals next = turn(0, false);
    left = gate_.leave(false, next, turns < kMaxTurnsHere);
  }
  if (left == StrandGate::Left::kWake) schedule();
}

http::Strand::TimerId Connection::run_at(base::TimePoint when, Task task) {
  // Nobody waits for a timer of a connection that is over, and keeping the task would keep its
  // owner.
  if (state_ != State::kOpen) return kNoTimer;
  return timers_.add(when, std::move(task));
}

void Connection::cancel_timer(TimerId id) { timers_.cancel(id); }

Signals Connection::turn(Signals signals, bool on_loop) {
  const base::TimePoint now = on_loop ? loop_->now() : base::Clock::now();
  next_turn_ = 0;
  if (state_ != State::kClosed) note(signals);
  if (on_loop && state_ == State::kHandshake && !failed_) shake_hands();
  if (on_loop && state_ == State::kOpen && !failed_) receive(now);
  if (on_loop && state_ == State::kOpen && !failed_) run_timers(now);
  run_tasks(on_loop);
  if (state_ == State::kOpen && !failed_) send(now, on_loop);
  if (on_loop && state_ == State::kHandshake) settle_handshake(now);
  if (state_ == State::kOpen) settle(now, on_loop);
  if (state_ == State::kLingering && on_loop) linger(now);
  return next_turn_;
}

void Connection::note(Signals signals) {
  if (signals & kAbort && state_ == State::kOpen && !failed_) give_up();
  if (signals & (kBroken | kAbort)) failed_ = true;
  if (signals & kReadable) pump_.note_readable();
  if (signals & kWritable) pump_.note_writable();
  if (signals & kPeerClosed) pump_.note_peer_closed();
  if (signals & kTimerFired) armed_for_.reset();
  if (signals & kDrain && !draining_) {
    draining_ = true;
    // A request whose event is still to be fetched counts as in flight.
    pump_.note_readable();
    begin_drain_ = true;
  }
}

void Connection::watch_writable() {
  if (!failed_ && pump_.take_watch_writable()) {
    failed_ = !loop_->modify(transport_->fd(), kEpollEvents | EPOLLOUT, this);
    if (failed_) next_turn_ |= kResume;
  }
}

void Connection::receive(base::TimePoint now) {
  switch (pump_.receive(*protocol_, now, limits_.receive_budget)) {
    case SocketPump::Outcome::kDone:
      break;
    case SocketPump::Outcome::kMore:
      next_turn_ |= kResume;
      break;
    case SocketPump::Outcome::kFailed:
      failed_ = true;
      return;
  }
  if (std::exchange(begin_drain_, false)) {
    close_at_once_ = protocol_->idle();
    protocol_->drain(now);
  }
}

void Connection::run_timers(base::TimePoint now) {
  timers_.run_due(now);
  if (const auto deadline = protocol_->deadline(); deadline && *deadline <= now) {
    protocol_->on_deadline(now);
  }
  const auto stalled = pump_.stalled_since();
  if (stalled && limits_.write_timeout.count() > 0 && *stalled + limits_.write_timeout <= now) {
    failed_ = true;
  }
}

void Connection::run_tasks(bool on_loop) {
  gate_.take_tasks(tasks_, on_loop);
  for (Task& task : tasks_) {
    task();
    task = nullptr;
  }
  tasks_.clear();
}

void Connection::send(base::TimePoint now, bool on_loop) {
  const std::size_t budget = on_loop ? limits_.send_budget : limits_.send_here_budget;
  switch (pump_.send(*protocol_, now, budget, limits_.output_batch)) {
    case SocketPump::Outcome::kDone:
      break;
    case SocketPump::Outcome::kMore:
      next_turn_ |= kResume;
      break;
    case SocketPump::Outcome::kFailed:
      failed_ = true;
      break;
  }
  watch_writable();
}

// Draws the conclusions of a turn. Closing is the loop's business: its batch of fetched events may
// hold one for this connection.
void Connection::settle(base::TimePoint now, bool on_loop) {
  report_progress();
  bool over = failed_;
  bool linger_first = false;
  if (!over && pump_.all_sent()) {
    over = protocol_->finished() || (pump_.saw_eof() && protocol_->idle());
    // A protocol may take what was on its way when the drain began (two GOAWAYs).
    if (protocol_->in_flight() > 0) close_at_once_ = false;
    linger_first = protocol_->finished() && !close_at_once_ && !handed_over_ && !pump_.saw_eof();
  }
  if (over && !on_loop) {
    next_turn_ |= kResume;
  } else if (over && linger_first) {
    begin_linger(now);
  } else if (over) {
    close();
  } else {
    if (pump_.can_receive(*protocol_)) next_turn_ |= kResume;
    arm(on_loop);
  }
}

void Connection::report_progress() {
  if (const auto in = pump_.take_bytes_in(); in > 0) {
    counters_.bytes_in.fetch_add(in, std::memory_order_relaxed);
  }
  if (const auto out = pump_.take_bytes_out(); out > 0) {
    counters_.bytes_out.fetch_add(out, std::memory_order_relaxed);
    passed_on_ = 0;
  }
  if (!protocol_) return;
  const std::size_t in_flight = protocol_->in_flight();
  if (in_flight == reported_in_flight_) return;
  loop_->add_in_flight(static_cast<std::int64_t>(in_flight) -
                       static_cast<std::int64_t>(reported_in_flight_));
  reported_in_flight_ = in_flight;
}

std::optional<base::TimePoint> Connection::next_due() const {
  if (state_ == State::kHandshake) return handshake_until_;
  if (state_ == State::kLingering) return linger_until_;
  std::optional<base::TimePoint> due = timers_.next();
  const auto earlier = [&due](std::optional<base::TimePoint> time) {
    if (time && (!due || *time < *due)) due = time;
  };
  earlier(protocol_->deadline());
  if (const auto stalled = pump_.stalled_since(); stalled && limits_.write_timeout.count() > 0) {
    earlier(*stalled + limits_.write_timeout);
  }
  return due;
}

void Connection::arm(bool on_loop) {
  const auto due = next_due();
  if (!due || (armed_for_ && *armed_for_ <= *due)) return;
  if (!on_loop) {
    next_turn_ |= kResume;
    return;
  }
  if (armed_for_) loop_->cancel_timer(armed_timer_);
  armed_for_ = due;
  armed_timer_ = loop_->run_at(*due, [self = shared_from_this()] { self->notify(kTimerFired); });
}

}  // namespace tfe::server
