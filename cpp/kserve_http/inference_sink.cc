#include "kserve_http/inference_sink.h"

#include <utility>

namespace tfe::kserve_http {

bool hand_over(const InferenceStart& start) {
  return start.context->inference.elsewhere(start.model) && start.exchange.hand_over();
}

Reply refuse_request(const base::Error& error, const InferStyle& style) {
  Reply reply = style.error(error);
  // RFC 9110 section 12.5.3: names the codings that would have been accepted.
  if (error.message == http::kUnsupportedCoding) {
    reply.head.headers.push_back({"accept-encoding", "gzip, deflate"});
  }
  return reply;
}

InferenceSink::InferenceSink(const InferenceStart& start, BodyPlan body,
                             kserve::Admission::Ticket ticket)
    : context_(start.context),
      style_(start.style),
      model_(start.model),
      version_(start.version),
      strand_(start.exchange.strand()),
      coding_(start.head, start.context->options, start.style),
      trace_(sample_trace(*start.context, start.model, start.head)),
      exchange_(&start.exchange),
      body_(start.context->options, std::move(body), std::move(ticket)) {
  if (style_.forward_headers) forwarded_ = ForwardedHeaders(*context_, start.head);
}

void InferenceSink::on_body(base::Bytes piece) {
  if (auto status = body_.add(piece); !status) fail(status.error());
}

void InferenceSink::on_end() {
  trace_mark(trace_, kRecvEnd);
  if (body_.heavy()) return prepare_on_worker();
  go_on(prepare());
}

base::Result<kserve::InferRequest> InferenceSink::prepare() {
  if (auto status = body_.decode(); !status) return std::unexpected(status.error());
  auto request = decode(body_);
  // From here on, the block lives as long as the inputs that refer to it.
  body_.release();
  if (!request) return request;
  if (auto status = forwarded_.add_to(*request); !status) return std::unexpected(status.error());
  return request;
}

void InferenceSink::prepare_on_worker() {
  auto status = context_->work([self = shared_from_this()] {
    self->strand_->post(
        [self, request = self->prepare()]() mutable { self->go_on(std::move(request)); },
        http::Strand::Where::kHere);
  });
  if (!status) fail(status.error());
}

void InferenceSink::go_on(base::Result<kserve::InferRequest> request) {
  if (exchange_ == nullptr) return;
  if (!request) return fail(request.error());
  request->trace = trace_;
  auto call = submit(*std::move(request));
  if (!call) return fail(call.error());
  // An event that came already waits for the strand, so this is never late.
  call_ = *std::move(call);
}

void InferenceSink::cancel() {
  if (const auto call = std::exchange(call_, nullptr)) call->cancel();
}

void InferenceSink::on_abort() {
  exchange_ = nullptr;
  cancel();
}

void InferenceSink::respond(Reply reply) {
  finished();
  if (http::Exchange* exchange = std::exchange(exchange_, nullptr)) {
    trace_answer(trace_, reply);
    send(*exchange, std::move(reply));
  }
}

void InferenceSink::post_reply(Reply reply) {
  const bool small = reply.body.size() <= kSendHere;
  strand_->post([self = shared_from_this(),
                 reply = std::move(reply)]() mutable { self->respond(std::move(reply)); },
                small ? http::Strand::Where::kHere : http::Strand::Where::kLoop);
}

}  // namespace tfe::kserve_http
