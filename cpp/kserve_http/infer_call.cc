#include "kserve_http/infer_call.h"

#include <limits>
#include <utility>

#include "kserve_http/infer_response.h"

namespace tfe::kserve_http {
namespace {

// Answers above this are sent by the loop, so that a thread of the core never sits in a large send.
constexpr std::size_t kSendHere = 64 * 1024;

constexpr std::string_view kDecoupled =
    "HTTP end point doesn't support models with decoupled transaction policy";

Reply refuse(const base::Error& error) {
  Reply reply = error_reply(error);
  // RFC 9110 section 12.5.3: names the codings that would have been accepted.
  if (error.message == "Unsupported compression type") {
    reply.head.headers.push_back({"accept-encoding", "identity"});
  }
  return reply;
}

}  // namespace

std::shared_ptr<http::RequestSink> InferCall::start(std::shared_ptr<Context> context,
                                                    std::string model, std::int64_t version,
                                                    const http::RequestHead& head,
                                                    http::Exchange& exchange) {
  const auto status = context->inference.check_single_response(model, version, kDecoupled);
  if (!status) return answer(exchange, error_reply(status.error()));
  const auto framing = read_infer_framing(head, context->options);
  if (!framing) return answer(exchange, refuse(framing.error()));
  auto call = std::make_shared<InferCall>(std::move(context), std::move(model), version, *framing,
                                          head, exchange);
  exchange.send_continue();
  return call;
}

InferCall::InferCall(std::shared_ptr<Context> context, std::string model, std::int64_t version,
                     const InferFraming& framing, const http::RequestHead& head,
                     http::Exchange& exchange)
    : context_(std::move(context)),
      exchange_(&exchange),
      strand_(exchange.strand()),
      model_(std::move(model)),
      version_(version),
      framing_(framing),
      body_(head.content_length, framing.json_size.value_or(0),
            framing.body_limit(context_->options)
                .value_or(std::numeric_limits<std::uint64_t>::max())) {}

void InferCall::on_body(base::Bytes piece) {
  if (body_.add(piece)) return;
  const std::uint64_t size = body_.size() + piece.size();
  finish(error_reply(body_.exceeded() ? framing_.too_large(size, context_->options)
                                      : base::Error{base::Code::kResourceExhausted,
                                                    "not enough memory for the request body"}));
}

base::Result<DecodedInfer> InferCall::decode() const {
  const base::Bytes body = body_.bytes();
  if (framing_.raw()) return raw_infer(model_, version_, body, body_.owner());
  const std::uint64_t json_size = framing_.json_size.value_or(body.size());
  if (json_size > body.size()) {
    return std::unexpected(header_out_of_range(body.size(), std::to_string(json_size)));
  }
  const InferBody parts{body.first(json_size), body.subspan(json_size), body_.owner()};
  return decode_infer(model_, version_, parts, context_->options);
}

void InferCall::on_end() {
  auto decoded = decode();
  if (!decoded) return finish(error_reply(decoded.error()));
  kinds_ = std::move(decoded->outputs);
  // From here on, the block lives as long as the inputs that refer to it.
  body_ = BodyBuffer(0, 0, 0);
  auto call = context_->inference.submit_single(std::move(decoded->request), shared_from_this());
  if (!call) return finish(error_reply(call.error()));
  // An event that came already waits for the strand, so this is never late.
  call_ = *std::move(call);
}

void InferCall::on_event(kserve::InferEvent event) {
  Reply reply;
  if (event.error) {
    reply = error_reply(*event.error);
  } else if (event.response) {
    auto encoded = encode_infer(std::move(event.response), kinds_);
    reply = encoded ? *std::move(encoded) : error_reply(encoded.error());
  } else {
    return;
  }
  const bool small = reply.body.size() <= kSendHere;
  strand_->post([self = shared_from_this(),
                 reply = std::move(reply)]() mutable { self->finish(std::move(reply)); },
                small ? http::Strand::Where::kHere : http::Strand::Where::kLoop);
}

void InferCall::on_abort() {
  exchange_ = nullptr;
  if (const auto call = std::exchange(call_, nullptr)) call->cancel();
}

void InferCall::finish(Reply reply) {
  call_.reset();
  if (http::Exchange* exchange = std::exchange(exchange_, nullptr)) {
    send(*exchange, std::move(reply));
  }
}

}  // namespace tfe::kserve_http
