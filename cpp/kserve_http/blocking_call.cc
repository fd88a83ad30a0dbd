#include "kserve_http/blocking_call.h"

#include <string>
#include <utility>

namespace tfe::kserve_http {

base::Error json_too_large(std::uint64_t size, std::uint64_t limit) {
  return {base::Code::kInvalidArgument,
          "request JSON size of " + std::to_string(size) +
              " bytes exceeds the maximum allowed input size of " + std::to_string(limit) +
              " bytes. Use --http-max-input-size to increase the limit."};
}

std::shared_ptr<http::RequestSink> BlockingCall::start(std::shared_ptr<const Context> context,
                                                       const http::RequestHead& head,
                                                       http::Exchange& exchange, Body body,
                                                       Work work, Lane lane) {
  auto later = [work = std::move(work)](base::Bytes bytes, Answer answer) mutable {
    answer(work(bytes));
  };
  return start_later(std::move(context), head, exchange, body, std::move(later), lane);
}

std::shared_ptr<http::RequestSink> BlockingCall::start_later(std::shared_ptr<const Context> context,
                                                             const http::RequestHead& head,
                                                             http::Exchange& exchange, Body body,
                                                             LaterWork work, Lane lane) {
  const std::uint64_t limit = context->options.max_input_size;
  if (body == Body::kCollected && head.content_length > 0 &&
      static_cast<std::uint64_t>(head.content_length) > limit) {
    const auto size = static_cast<std::uint64_t>(head.content_length);
    return answer(exchange, error_reply(json_too_large(size, limit)));
  }
  const bool announced = body == Body::kCollected && head.content_length > 0;
  auto ticket = context->admission.admit_body(
      announced ? static_cast<std::uint64_t>(head.content_length) : 0);
  if (!ticket) return answer(exchange, error_reply(ticket.error()));
  auto call = std::make_shared<BlockingCall>(std::move(context), head.content_length, exchange,
                                             *std::move(ticket), body, std::move(work), lane);
  exchange.send_continue();
  return call;
}

BlockingCall::BlockingCall(std::shared_ptr<const Context> context, std::int64_t content_length,
                           http::Exchange& exchange, kserve::Admission::Ticket ticket, Body body,
                           LaterWork work, Lane lane)
    : context_(std::move(context)),
      exchange_(&exchange),
      strand_(exchange.strand()),
      ticket_(std::move(ticket)),
      wants_body_(body),
      body_(content_length, 0, context_->options.max_input_size),
      work_(std::move(work)),
      lane_(lane) {}

base::MutableBytes BlockingCall::body_buffer(std::size_t wanted) {
  return wants_body_ == Body::kCollected ? body_.room(wanted) : base::MutableBytes();
}

void BlockingCall::on_body(base::Bytes piece) {
  if (wants_body_ == Body::kIgnored) return;
  if (auto status = collect(piece); !status) finish(error_reply(status.error()));
}

base::Status BlockingCall::collect(base::Bytes piece) {
  const std::uint64_t size = body_.size() + piece.size();
  if (auto status = ticket_.grow_to(size); !status) return status;
  if (body_.add(piece)) return {};
  if (body_.exceeded()) {
    return std::unexpected(json_too_large(size, context_->options.max_input_size));
  }
  return base::fail(base::Code::kResourceExhausted, "not enough memory for the request body");
}

void BlockingCall::on_end() {
  auto work = [self = shared_from_this()] {
    self->work_(self->body_.bytes(), [self](Reply made) {
      auto reply = std::make_shared<Reply>(std::move(made));
      self->strand_->post([self, reply] { self->finish(std::move(*reply)); },
                          http::Strand::Where::kHere);
    });
  };
  auto status = context_->executor.submit(std::move(work), lane_);
  if (!status) finish(error_reply(status.error()));
}

void BlockingCall::finish(Reply reply) {
  ticket_ = {};
  if (http::Exchange* exchange = std::exchange(exchange_, nullptr)) {
    send(*exchange, std::move(reply));
  }
}

}  // namespace tfe::kserve_http
