#include "kserve_grpc/stream_call.h"

#include <algorithm>
#include <string>
#include <utility>

#include "kserve/version.h"
#include "kserve_grpc/infer_request.h"
#include "kserve_grpc/stream_response.h"

namespace tfe::kserve_grpc {
namespace {

constexpr std::string_view kShuttingDown =
    "GRPC server is shutting down and has stopped accepting new requests.";

}  // namespace

// --- Requests ------------------------------------------------------------------------------------

void StreamCall::on_message(grpc::Message message) {
  const auto wire = parse_infer_message(message.bytes, limits_);
  if (!wire) return end(grpc::to_status(wire.error()));
  const auto request = std::make_shared<StreamRequest>(shared_from_this(), *wire);
  auto submitted = submit(request, *wire, std::move(message.owner));
  if (!submitted) refuse(request, std::move(submitted.error()));
  regulate();
}

// The order in which errors are found is that of the unary call.
base::Status StreamCall::submit(const std::shared_ptr<StreamRequest>& request,
                                const InferMessage& wire, base::Owner owner) {
  if (draining_) return base::fail(base::Code::kUnavailable, std::string(kShuttingDown));
  const auto version = kserve::parse_version(wire.model_version);
  if (!version) return std::unexpected(version.error());
  const auto decoupled = inference_.server()->decoupled(std::string(wire.model_name), *version);
  if (!decoupled) return std::unexpected(decoupled.error());
  request->decoupled = *decoupled;
  auto built = build_infer_request(wire, *version, std::move(owner));
  if (!built) return std::unexpected(std::move(built.error()));
  // Answers come to the strand, which is held here, so none is taken before this returns.
  auto running = *decoupled ? inference_.submit(std::move(*built), request)
                            : inference_.submit_single(std::move(*built), request);
  if (!running) return std::unexpected(std::move(running.error()));
  request->running = std::move(*running);
  in_work_.insert(request);
  if (!*decoupled) ordered_.push_back(request);
  return {};
}

void StreamCall::refuse(const std::shared_ptr<StreamRequest>& request, base::Error error) {
  if (options_.errors_end_stream) return end(grpc::to_status(std::move(error)));
  base::Chain message = encode_stream_refusal(error.message, request->identity().id);
  if (request->decoupled) return send(std::move(message));
  ordered_.push_back(request);
  answer_in_order(*request, std::move(message));
}

void StreamCall::on_half_close() {
  half_closed_ = true;
  settle();
}

// --- Responses: on threads of the core -----------------------------------------------------------

void StreamCall::on_event(const std::shared_ptr<StreamRequest>& request, kserve::InferEvent event) {
  if (over_.load(std::memory_order_relaxed)) return;
  const std::size_t waiting =
      queued_.load(std::memory_order_relaxed) + unsent_.load(std::memory_order_relaxed);
  if (request->decoupled && event.response && waiting >= options_.limits.max_backlog) {
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
  } else if (options_.errors_end_stream) {
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
                          std::to_string(options_.limits.max_backlog) +
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
  if (reply.last) in_work_.erase(request);
  if (!request->decoupled) {
    answer_in_order(*request, std::move(reply.message));
  } else if (!reply.message.empty()) {
    send(std::move(reply.message));
  }
  settle();
  regulate();
}

void StreamCall::answer_in_order(StreamRequest& request, base::Chain message) {
  held_ += message.size();
  request.answer = std::move(message);
  while (!ordered_.empty() && ordered_.front()->answer) {
    base::Chain next = *std::move(ordered_.front()->answer);
    ordered_.pop_front();
    held_ -= next.size();
    send(std::move(next));
  }
}

void StreamCall::send(base::Chain message) {
  call_->send(std::move(message));
  unsent_.store(call_->unsent(), std::memory_order_relaxed);
}

void StreamCall::on_writable() {
  unsent_.store(call_->unsent(), std::memory_order_relaxed);
  regulate();
}

// --- The end -------------------------------------------------------------------------------------

// Ends the stream if nothing is in work and nothing more will be.
void StreamCall::settle() {
  if (!in_work_.empty() || call_->finished()) return;
  if (half_closed_) return end({});
  if (draining_) end({grpc::Code::kUnavailable, std::string(kShuttingDown)});
}

void StreamCall::on_drain() {
  draining_ = true;
  settle();
}

// Holds the client back while there is much to do for it already.
void StreamCall::regulate() {
  if (call_->finished()) return;
  const std::size_t waiting = held_ + queued_.load(std::memory_order_relaxed) + call_->unsent();
  const std::size_t requests = std::max(in_work_.size(), ordered_.size());
  const bool crowded = requests >= options_.limits.max_inflight_requests ||
                       waiting >= options_.limits.max_backlog / 2;
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
  call_->finish(std::move(status));
}

// Best effort: backends look when they like. What they still answer finds nobody.
void StreamCall::let_go() {
  over_.store(true, std::memory_order_relaxed);
  const auto in_work = std::exchange(in_work_, {});
  ordered_.clear();
  for (const auto& request : in_work) request->running->cancel();
}

}  // namespace tfe::kserve_grpc
