// Who may work on a connection, and what waits for it: the state behind http::Strand.
//
//            post(kHere) or enter()                leave(): nothing waits
//   FREE ------------------------------> HELD ------------------------------> FREE
//    ^                                    |  leave(): the holder goes on (kAgain), or the rest is
//    +------------------------------------+  for the loop (kWake), which then calls enter()
//
// Nobody ever waits for a holder. Who finds the gate held leaves a task or a signal, and the holder
// takes it or passes it to the loop when it leaves; so the loop is woken at most once, and not at
// all while it is the holder. Tasks run in the order of posting. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "http/exchange.h"

namespace tfe::server {

// What a connection has to look at, as a set of bits.
using Signals = std::uint32_t;
enum Signal : Signals {
  kReadable = 1U << 0,
  kWritable = 1U << 1,
  kPeerClosed = 1U << 2,  // the peer finished its side
  kBroken = 1U << 3,      // the stream is dead in both directions
  kTimerFired = 1U << 4,
  kResume = 1U << 5,  // a turn ended early: go on
  kDrain = 1U << 6,
  kAbort = 1U << 7,
};

class StrandGate {
 public:
  using Task = http::Strand::Task;
  using Where = http::Strand::Where;

  // kRun: the gate is now held by the caller, who runs the task (left in place) and then leaves.
  // kQueued: taken. kWake: taken, and the caller must make the loop call enter().
  enum class Posted : std::uint8_t { kRun, kQueued, kWake };
  Posted post(Task& task, Where where);

  // The loop thread, with news or because of kWake. False: held by another thread, which will see
  // the signals.
  bool enter(Signals signals);

  // Holder only.
  Signals take_signals();
  // What may run on this thread now. On another thread than the loop's that is only the tasks
  // posted with kHere, up to the first of the other kind.
  void take_tasks(std::vector<Task>& into, bool on_loop);
  // After this the gate serves no loop any more: every task runs on whatever thread posts it.
  void close();

  // kAgain: still held, there is more to do here. kWake: left, and the caller must make the loop
  // call enter(). `more`: signals for the next turn. `again` is false to end a long visit.
  enum class Left : std::uint8_t { kLeft, kAgain, kWake };
  Left leave(bool on_loop, Signals more, bool again);

 private:
  struct Entry {
    Task task;
    Where where;
  };
  bool runs_here(const Entry& entry, bool on_loop) const;

  std::mutex mutex_;
  std::vector<Entry> inbox_;
  Signals signals_ = 0;
  bool held_ = false;
  bool scheduled_ = false;  // a call of enter() is on its way
  bool closed_ = false;
};

}  // namespace tfe::server
