// Where control calls wait that somebody else carries out: a supervisor that makes the same change
// on every server of a group. Off unless begin() was called; then nothing is taken.
//
// Whoever began it polls fd(), takes what waits, and finishes each call once.
//
// Thread rule: any thread. No call waits for another; finish() runs the call's `done` on its
// thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "kserve/control_call.h"

namespace tfe::kserve {

class Replication {
 public:
  struct Waiting {
    std::uint64_t id = 0;
    ControlCall call;
  };

  // The descriptor that is readable while calls wait to be taken; it stays with this object. At
  // most `limit` calls are unfinished, the next ones are refused with kResourceExhausted. kInternal
  // if the system has no descriptor left, kAlreadyExists the second time.
  base::Result<int> begin(std::size_t limit);

  // False if it is off: both are as they were. Else they are taken, also to be refused.
  bool submit(ControlCall& call, ControlDone& done);

  // What came since the last time, in order.
  std::vector<Waiting> take();

  // Answers a call. One that is not known, or answered, is passed over.
  void finish(std::uint64_t id, base::Status status);

  // Off again. Calls that nobody has finished can still be taken and finished.
  void end();

 private:
  std::atomic<bool> on_ = false;
  std::mutex mutex_;
  base::UniqueFd wake_;
  std::size_t limit_ = 0;
  std::uint64_t last_ = 0;
  std::vector<Waiting> waiting_;
  std::map<std::uint64_t, ControlDone> unfinished_;
};

}  // namespace tfe::kserve
