#include "kserve_grpc/stream_call.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.h"
#include "kserve/version.h"
#include "kserve_grpc/infer_request.h"
#include "kserve_grpc/queue_deadline.h"
#include "kserve_grpc/stream_response.h"

namespace tfe::kserve_grpc {
namespace {

constexpr std::string_view kShuttingDown =
    "GRPC server is shutting down and has stopped accepting new requests.";
constexpr int kMostGraces = 5;

}  // namespace

// --- Requests ------------------------------------------------------------------------------------

void StreamCall::on_message(grpc::Message message) {
  trace_start_.read();
  heard_ = true;
  auto wire = parse_infer_message(message.bytes, context_->options.limits);
  if (!wire) return end(grpc::to_status(wire.error()));
  const auto request = std::make_shared<StreamRequest>(shared_from_this(), *wire);
  Draft draft{request, std::move(*wire), -1, std::move(message.owner)};
  if (auto checked = check(draft, message.bytes.size()); !checked) {
    refuse(request, std::move(checked.error()));
  } else if (data_work(draft.wire) > kHeavyData) {
    build_on_worker(std::move(draft));
  } else {
    go_on(draft, build(draft));
  }
  if (!building_) trace_start_.waiting();
  regulate();
}

// The order in which errors are found is that of the unary call.
base::Status StreamCall::check(Draft& draft, std::size_t size) {
  if (draining_) return base::fail(base::Code::kUnavailable, std::string(kShuttingDown));
  auto ticket = context_->admission.admit(size);
  if (!ticket) return std::unexpected(std::move(ticket.error()));
  draft.request->ticket = std::move(*ticket);
  const auto version = kserve::parse_version(draft.wire.model_version);
  if (!version) return std::unexpected(version.error());
  draft.version = *version;
  const auto decoupled =
      context_->server->decoupled(std::string(draft.wire.model_name), draft.version);
  if (!decoupled) return std::unexpected(decoupled.error());
  draft.request->decoupled = *decoupled;
  return {};
}

base::Result<kserve::InferRequest> StreamCall::build(const Draft& draft) const {
  auto built = build_infer_request(draft.wire, draft.version, draft.owner);
  if (!built) return built;
  if (auto status = forwarded_.add_to(*built); !status) return std::unexpected(status.error());
  return built;
}

// Later requests wait, so that all reach the core in the order in which they came.
void StreamCall::build_on_worker(Draft draft) {
  building_ = true;
  const auto shared = std::make_shared<const Draft>(std::move(draft));
  auto submitted = context_->work([self = shared_from_this(), shared] {
    self->call_->strand()->post(
        [self, shared, built = self->build(*shared)]() mutable {
          self->building_ = false;
          if (self->call_->finished()) return;
          self->go_on(*shared, std::move(built));
          self->trace_start_.waiting();
          self->settle();
          self->regulate();
        },
        http::Strand::Where::kLoop);
  });
  if (submitted) return;
  building_ = false;
  refuse(shared->request, std::move(submitted.error()));
}

void StreamCall::go_on(const Draft& draft, base::Result<kserve::InferRequest> built) {
  if (!built) return refuse(draft.request, std::move(built.error()));
  log_surplus(*context_->server, draft.wire, *built);
  auto submitted = submit(draft.request, std::move(*built));
  if (!submitted) refuse(draft.request, std::move(submitted.error()));
}

// Answers come to the strand, which is held here, so none is taken before this returns.
base::Status StreamCall::submit(const std::shared_ptr<StreamRequest>& request,
                                kserve::InferRequest&& built) {
  request->trace = trace_start_.sample(*context_, built.model);
  built.trace = request->trace;
  limit_queue_time(context_->options, *call_, built);
  kserve::Inference& inference = context_->inference;
  auto running = request->decoupled ? inference.submit(std::move(built), request)
                                    : inference.submit_single(std::move(built), request);
  if (!running) return std::unexpected(std::move(running.error()));
  request->running = std::move(*running);
  in_work_.insert(request);
  if (!request->decoupled) ordered_.push_back(request);
  return {};
}

void StreamCall::refuse(const std::shared_ptr<StreamRequest>& request, base::Error error) {
  request->ticket = {};
  if (errors_end_) return end(grpc::to_status(std::move(error)));
  base::Chain message = encode_stream_refusal(error.message, request->identity().id);
  if (request->decoupled) return send(*request, std::move(message));
  ordered_.push_back(request);
  answer_in_order(*request, std::move(message));
}

void StreamCall::on_half_close() {
  half_closed_ = true;
  settle();
}

// --- Responses: on threads of the core -----------------------------------------------------------

void StreamCall::on_event(const std::shared_ptr<StreamRequest>& request, kserve::InferEvent event) {
  if (event.response || event.error) trace_mark(request->trace, kResponseComplete);
  if (over_.load(std::memory_order_relaxed)) return;
  const std::size_t waiting =
      queued_.load(std::memory_order_relaxed) + unsent_.load(std::memory_order_relaxed);
  if (request->decoupled && event.response && waiting >= context_->options.stream.max_backlog) {
    return overflow();
  }
  Reply reply = encode(*request, std::move(event));
  const std::size_t size = reply.message.size();
  queued_.fetch_add(size, std::memory_order_relaxed);
  call_->strand()->post(
      [self = shared_from_this(), request, reply = std::move(reply)]() mutable {
        self->take(request, std::move(reply));
      },
      call_->best_place(size));
}

StreamCall::Reply StreamCall::encode(const StreamRequest& request, kserve::InferEvent event) const {
  Reply reply;
  reply.last = event.final;
  base::Result<base::Chain> message = base::Chain();
  if (event.error) {
    message = std::unexpected(*std::move(event.error));
  } else if (event.response) {
    message = encode_stream_response(event.response, event.final);
  } else if (event.final && request.wants_empty_final()) {
    message = encode_empty_final(request.identity());
  }
  if (message) {
    reply.message = *std::move(message);
  } else if (errors_end_) {
    reply.failure = grpc::to_status(std::move(message.error()));
  } else {
    reply.message = encode_stream_error(message.error().message, request.identity(), event.final);
  }
  return reply;
}

// Behind all responses that were queued before.
void StreamCall::overflow() {
  if (over_.exchange(true)) return;
  grpc::Status status{grpc::Code::kResourceExhausted,
                      "the client reads too slowly: more than " +
                          std::to_string(context_->options.stream.max_backlog) +
                          " bytes of the stream wait for it (max_stream_backlog)"};
  call_->strand()->post([self = shared_from_this(),
                         status = std::move(status)]() mutable { self->end(std::move(status)); },
                        http::Strand::Where::kLoop);
}

// --- Responses: on the strand --------------------------------------------------------------------

void StreamCall::take(const std::shared_ptr<StreamRequest>& request, Reply reply) {
  queued_.fetch_sub(reply.message.size(), std::memory_order_relaxed);
  if (call_->finished()) return;
  if (reply.failure) return end(*std::move(reply.failure));
  if (reply.last) {
    in_work_.erase(request);
    // With the answer: the client's next request may be here before the core drops this one.
    request->ticket = {};
  }
  if (!request->decoupled) {
    answer_in_order(*request, std::move(reply.message));
  } else if (!reply.message.empty()) {
    send(*request, std::move(reply.message));
  }
  settle();
  regulate();
}

void StreamCall::answer_in_order(StreamRequest& request, base::Chain message) {
  held_ += message.size();
  request.answer = std::move(message);
  while (!ordered_.empty() && ordered_.front()->answer) {
    const auto next = std::move(ordered_.front());
    ordered_.pop_front();
    held_ -= next->answer->size();
    send(*next, *std::move(next->answer));
  }
}

void StreamCall::send(const StreamRequest& request, base::Chain message) {
  call_->send(trace_message(request.trace, std::move(message)));
  unsent_.store(call_->unsent(), std::memory_order_relaxed);
}

void StreamCall::on_writable() {
  unsent_.store(call_->unsent(), std::memory_order_relaxed);
  regulate();
}

// --- The end -------------------------------------------------------------------------------------

// Ends the stream if nothing is in work and nothing more will be.
void StreamCall::settle() {
  if (!in_work_.empty() || building_ || call_->finished()) return;
  if (half_closed_) return end({});
  if (draining_) end({grpc::Code::kUnavailable, std::string(kShuttingDown)});
}

void StreamCall::on_drain() {
  if (graces_ == 0) await_silence();
}

void StreamCall::await_silence() {
  const auto grace = context_->options.stream.drain_grace;
  if (grace.count() == 0 || graces_ == kMostGraces) {
    draining_ = true;
    return settle();
  }
  ++graces_;
  heard_ = false;
  call_->strand()->run_at(base::Clock::now() + grace, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->on_silence_due();
  });
}

// A client that waits for an answer is not silent.
void StreamCall::on_silence_due() {
  if (call_->finished()) return;
  if (!heard_ && in_work_.empty() && !building_) graces_ = kMostGraces;
  await_silence();
}

// Holds the client back while there is much to do for it already.
void StreamCall::regulate() {
  if (call_->finished()) return;
  const std::size_t waiting = held_ + queued_.load(std::memory_order_relaxed) + call_->unsent();
  const std::size_t requests = std::max(in_work_.size(), ordered_.size());
  const bool crowded = building_ || requests >= context_->options.stream.max_inflight_requests ||
                       waiting >= context_->options.stream.max_backlog / 2;
  if (crowded == paused_) return;
  paused_ = crowded;
  if (crowded) {
    call_->pause();
  } else {
    call_->resume();
  }
}

void StreamCall::end(grpc::Status status) {
  if (call_->finished()) return;
  const auto self = shared_from_this();  // the call lets go of its handler
  let_go();
  call_->finish(failure(context_->options, *call_, std::move(status)));
}

// Best effort: backends look when they like. What they still answer finds nobody.
void StreamCall::let_go() {
  over_.store(true, std::memory_order_relaxed);
  const auto in_work = std::exchange(in_work_, {});
  ordered_.clear();
  for (const auto& request : in_work) request->running->cancel();
}

}  // namespace tfe::kserve_grpc
