// repeat: for decoupled models; each request is released at once and answered by its own thread.
//
// Knobs: `responses` (default 1, 0 ends without one), `interval_ms` before each, `final` is "last"
// (default: the last response carries the flag) or "separate" (a bare flag follows it), `fail_at`
// answers from that index on with one error that ends the stream. The optional INT32 output INDEX
// counts from 0. A cancelled stream ends with a CANCELLED error.
#include "kit/backend.h"
#include "kit/stream.h"
#include "kit/threads.h"

namespace tfe::backend {
namespace {

struct Plan {
  std::int64_t responses = 1;
  std::int64_t interval_ms = 0;
  std::int64_t fail_at = -1;
  bool separate_final = false;
};

Plan read_plan(const Knobs& knobs) {
  return {.responses = knobs.integer("responses", 1),
          .interval_ms = knobs.integer("interval_ms", 0),
          .fail_at = knobs.integer("fail_at", -1),
          .separate_final = knobs.text("final", "last") == "separate"};
}

Error play(const Stream& stream, const Plan& plan) {
  for (std::int64_t i = 0; i < plan.responses; ++i) {
    for (std::int64_t waited = 0; waited < plan.interval_ms && !stream.cancelled(); ++waited) {
      sleep_ms(1);
    }
    if (stream.cancelled()) {
      return make_error(TRITONSERVER_ERROR_CANCELLED, "request was cancelled");
    }
    if (i == plan.fail_at) {
      return make_error(TRITONSERVER_ERROR_INTERNAL,
                        "the stream fails at response " + std::to_string(i));
    }
    const bool final = i + 1 == plan.responses && !plan.separate_final;
    TFE_RETURN_IF_ERROR(stream.send(static_cast<std::int32_t>(i), final).release());
  }
  return plan.responses > 0 && !plan.separate_final ? nullptr : stream.finish();
}

void start(const Instance& instance, TRITONBACKEND_Request* request) {
  const std::uint64_t start_ns = now_ns();
  auto stream = std::make_shared<Stream>();
  if (Error error = Stream::open(request, stream.get()); error) {
    answer(instance, request, start_ns, std::move(error));
    return;
  }
  const Plan plan = read_plan(Knobs(request, instance.model->settings));
  report(instance, request, start_ns, true);
  release(request);
  run_in_background(instance.handle, [stream = std::move(stream), plan]() mutable {
    if (Error error = play(*stream, plan); error) {
      stream->fail(std::move(error));
    }
    stream.reset();  // before the thread counts as finished: it keeps the model loaded
  });
}

}  // namespace

Error execute(const Instance& instance, std::span<TRITONBACKEND_Request* const> requests) {
  for (TRITONBACKEND_Request* request : requests) {
    start(instance, request);
  }
  return nullptr;
}

}  // namespace tfe::backend
