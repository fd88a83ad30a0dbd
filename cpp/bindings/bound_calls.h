// What Python has of taken calls, whatever they are.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "bindings/errors.h"
#include "bindings/gil.h"
#include "frontend/taken_calls.h"

namespace tfe::bindings {

template <typename Calls>
class BoundCalls {
 public:
  BoundCalls(std::shared_ptr<triton::Server> server, std::size_t limit)
      : calls_(unwrap(Calls::begin(std::move(server), limit))) {}

  BoundCalls(const BoundCalls&) = delete;
  BoundCalls& operator=(const BoundCalls&) = delete;
  // The last reference to a server stops it, which can wait for threads that want the GIL.
  ~BoundCalls() {
    without_gil([this] { calls_.reset(); });
  }

  int fd() const { return calls_->fd(); }
  void end() { calls_->end(); }

 protected:
  // `to_dict` makes the dictionary of a call.
  template <typename ToDict>
  nanobind::list take(ToDict to_dict) {
    nanobind::list result;
    for (const auto& waiting : without_gil([this] { return calls_->take(); })) {
      result.append(nanobind::make_tuple(waiting.id, to_dict(waiting.call)));
    }
    return result;
  }
  // What the client waits for goes on here: without the GIL.
  template <typename Outcome>
  void finish(std::uint64_t id, Outcome outcome) {
    without_gil([&] { calls_->finish(id, std::move(outcome)); });
  }
  const Calls& calls() const { return *calls_; }

 private:
  std::optional<Calls> calls_;
};

}  // namespace tfe::bindings
