// split: one response without the final flag, then, after `gap_ms` (default 0), the bare flag.
//
// Works for one-to-one and for decoupled models. Knobs: `release` is "first" (default: the request
// is released before its response), "between" or "last" (after the flag). With `flag` "on_cancel"
// another thread sends the flag and then releases the request when that is cancelled, also while
// the response is still being delivered.
#include <thread>

#include "kit/backend.h"
#include "kit/stream.h"

namespace tfe::backend {
namespace {

Error play(const Stream& stream, TRITONBACKEND_Request* request, const std::string& when,
           std::int64_t gap_ms) {
  Error error = stream.send(0, false);
  if (when == "between") {
    release(request);
  }
  if (!error) {
    sleep_ms(gap_ms);
    error = stream.finish();
  }
  return error;
}

Error play_beside(const Stream& stream, TRITONBACKEND_Request* request) {
  const std::jthread other([&] {
    while (!stream.cancelled()) {
      sleep_ms(1);
    }
    ignore(stream.finish().release());
    release(request);
  });
  return stream.send(0, false);
}

void run(const Instance& instance, TRITONBACKEND_Request* request) {
  const std::uint64_t start_ns = now_ns();
  Stream stream;
  if (Error error = Stream::open(request, &stream); error) {
    answer(instance, request, start_ns, std::move(error));
    return;
  }
  const Knobs knobs(request, instance.model->settings);
  const std::string when = knobs.text("release", "first");
  const std::int64_t gap_ms = knobs.integer("gap_ms", 0);
  report(instance, request, start_ns, true);
  if (knobs.text("flag", "") == "on_cancel") {
    ignore(play_beside(stream, request).release());
    return;
  }
  if (when == "first") {
    release(request);
  }
  if (Error error = play(stream, request, when, gap_ms); error) {
    stream.fail(std::move(error));
  }
  if (when == "last") {
    release(request);
  }
}

}  // namespace

Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests) {
  for (TRITONBACKEND_Request* request : requests) {
    run(instance, request);
  }
  return nullptr;
}

}  // namespace tfe::backend
