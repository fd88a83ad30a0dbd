// How responses get from threads of the core to Python without the GIL.
//
// A request has one ResponseQueue. A thread waits on it; an event loop gives it a LoopWaker and a
// token instead, and is woken through a descriptor that it watches. One LoopWaker serves all
// requests of a loop: any number of completions between two turns of the loop cost one write and
// one read.
//
// The memory of outputs is the queue's, not the response's: a tensor that Python keeps then needs
// no response of the core, which would keep its model loaded and the server from stopping.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "base/unique_fd.h"
#include "triton/inference.h"

namespace tfe::bindings {

// Both are shared_from_this so that the bindings share the object itself: a pointer that owned its
// Python object would take the GIL on the thread that drops it.
class LoopWaker : public std::enable_shared_from_this<LoopWaker> {
 public:
  static base::Result<std::shared_ptr<LoopWaker>> create();

  int fd() const { return fd_.get(); }
  // Any thread.
  void wake(std::uint64_t token);
  // The tokens since the last call; makes fd() unreadable. One thread.
  std::vector<std::uint64_t> drain();

 private:
  explicit LoopWaker(base::UniqueFd fd) : fd_(std::move(fd)) {}

  base::UniqueFd fd_;
  std::mutex mutex_;
  std::vector<std::uint64_t> tokens_;
};

struct Delivery {
  std::optional<triton::Response> response;  // empty for a bare final flag
  bool final = false;
};

class ResponseQueue : public triton::Observer, public std::enable_shared_from_this<ResponseQueue> {
 public:
  base::Result<std::optional<triton::OutputBuffer>> allocate(std::string_view output,
                                                             std::size_t byte_size) override;
  void on_response(std::optional<triton::Response> response, bool final) override;

  // Takes the memory at `data`, an output of a response, out of the queue. Null if it is not ours.
  base::Owner claim(const void* data);

  // The next delivery if there is one.
  std::optional<Delivery> try_get();
  // True once the final delivery was taken.
  bool finished() const;
  // Blocks until there is a delivery, or nothing more to come, or the time is over.
  std::optional<Delivery> wait(std::chrono::milliseconds time);
  std::optional<Delivery> wait();
  // One wake-up with `token` as soon as there is a delivery, also if there is one already.
  void watch(std::shared_ptr<LoopWaker> waker, std::uint64_t token);
  void unwatch();

 private:
  std::optional<Delivery> take();
  bool ready() const { return !deliveries_.empty() || finished_; }

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::unordered_map<const void*, base::Owner> outputs_;  // of responses not yet given to Python
  std::deque<Delivery> deliveries_;                       // after outputs_: goes first
  std::shared_ptr<LoopWaker> waker_;
  std::uint64_t token_ = 0;
  bool finished_ = false;
};

}  // namespace tfe::bindings
