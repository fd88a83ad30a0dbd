#include "grpc/call.h"

#include <utility>

namespace tfe::grpc {
namespace {

constexpr std::string_view kContentType = "application/grpc";
// Compressions that requests may use.
constexpr std::string_view kAcceptEncoding = "identity";

// Larger answers are left to the loop thread, so that a thread of the core never sits in a long
// write.
constexpr std::size_t kSmallAnswer = 64U << 10;

void add_status(std::vector<http::Header>& headers, const Status& status) {
  headers.push_back({"grpc-status", std::to_string(static_cast<int>(status.code))});
  if (!status.message.empty()) headers.push_back({"grpc-message", percent_encode(status.message)});
}

http::ResponseHead response_head() {
  http::ResponseHead head;
  head.headers.reserve(2);
  head.headers.push_back({"content-type", std::string(kContentType)});
  head.headers.push_back({"grpc-accept-encoding", std::string(kAcceptEncoding)});
  return head;
}

// Compressed messages are refused as "Compression Method Asymmetry" demands: UNIMPLEMENTED with the
// encodings that would do, or INTERNAL if the client named none.
Status refuse_compressed(std::string_view encoding) {
  if (encoding.empty() || encoding == "identity") {
    return {Code::kInternal, "Compression bit set but no encoding configured"};
  }
  return {Code::kUnimplemented,
          "Compression algorithm '" + std::string(encoding) +
              "' is not supported, supported are: " + std::string(kAcceptEncoding)};
}

}  // namespace

http::ResponseHead trailers_only(const Status& status, int http_status) {
  http::ResponseHead head;
  head.status = http_status;
  head.headers.reserve(3);
  head.headers.push_back({"content-type", std::string(kContentType)});
  add_status(head.headers, status);
  return head;
}

void UnaryHandler::on_message(Message message) {
  if (!std::exchange(received_, true)) on_request(std::move(message));
}

void UnaryHandler::on_half_close() {
  if (!received_) call_->finish({Code::kInternal, "Unable to parse request"});
}

Call::Call(http::Exchange& exchange, CallOptions options, std::string encoding)
    : exchange_(&exchange),
      strand_(exchange.strand()),
      in_flight_(exchange.in_flight_counter()),
      options_(std::move(options)),
      encoding_(std::move(encoding)),
      reader_(options_.max_message_size, options_.budget, options_.aligner) {
  if (options_.calls) options_.calls->fetch_add(1, std::memory_order_relaxed);
}

Call::~Call() {
  if (options_.calls) options_.calls->fetch_sub(1, std::memory_order_relaxed);
}

void Call::open(std::shared_ptr<CallHandler> handler, std::optional<base::TimePoint> deadline) {
  if (finished()) return;
  handler_ = std::move(handler);
  if (!deadline) return;
  timer_ = strand_->run_at(*deadline, [weak = weak_from_this()] {
    if (const auto call = weak.lock()) call->on_deadline();
  });
}

http::Strand::Where Call::best_place(std::size_t bytes) const {
  const bool sole = !in_flight_ || in_flight_->load(std::memory_order_relaxed) <= 1;
  return sole && bytes <= kSmallAnswer ? http::Strand::Where::kHere : http::Strand::Where::kLoop;
}

void Call::send(base::Chain message) {
  if (finished()) return;
  if (std::exchange(state_, State::kSpeaking) == State::kSilent) exchange_->start(response_head());
  exchange_->write(frame_message(std::move(message)));
}

void Call::finish(Status status) {
  if (finished()) return;
  const bool silent = state_ == State::kSilent;
  http::Exchange& exchange = *exchange_;
  const auto handler = end();  // let go after the answer was given
  if (silent) return exchange.respond(trailers_only(status), {});
  http::Trailers trailers;
  add_status(trailers, status);
  exchange.finish(std::move(trailers));
}

void Call::reply(base::Chain message) {
  send(std::move(message));
  finish({});
}

void Call::pause() {
  paused_ = true;
  if (exchange_ != nullptr && !std::exchange(exchange_paused_, true)) exchange_->pause_body();
}

// Later, because the caller may stand inside the handler.
void Call::resume() {
  if (!std::exchange(paused_, false) || finished()) return;
  strand_->post([self = shared_from_this()] { self->read_held(); }, http::Strand::Where::kLoop);
}

void Call::read_held() {
  if (paused_ || finished() || !exchange_paused_) return;
  std::string held = std::exchange(held_, {});
  base::Bytes rest = base::as_bytes(held).subspan(std::exchange(held_at_, 0));
  read(rest);
  if (finished()) return;
  if (!rest.empty()) {
    held_at_ = held.size() - rest.size();
    held_ = std::move(held);
  } else if (!paused_) {
    exchange_paused_ = false;
    exchange_->resume_body();
  }
}

std::shared_ptr<CallHandler> Call::end() {
  state_ = State::kFinished;
  exchange_ = nullptr;
  if (timer_ != 0) strand_->cancel_timer(std::exchange(timer_, 0));
  return std::exchange(handler_, nullptr);
}

void Call::on_body(base::Bytes piece) {
  read(piece);
  if (paused_ && !finished()) held_ += base::as_text(piece);
}

void Call::read(base::Bytes& bytes) {
  while (!finished() && !paused_) {
    auto message = reader_.next(bytes);
    if (!message) {
      const auto handler = handler_;
      finish(std::move(message.error()));
      if (handler) handler->on_cancel();
      return;
    }
    if (!*message) return;
    handle(std::move(**message));
  }
}

void Call::handle(Message message) {
  if (message.compressed) {
    const auto handler = handler_;
    const Status status = refuse_compressed(encoding_);
    if (status.code != Code::kUnimplemented || state_ != State::kSilent) {
      finish(status);
    } else {
      http::Exchange& exchange = *exchange_;
      end();
      auto head = trailers_only(status);
      head.headers.push_back({"grpc-accept-encoding", std::string(kAcceptEncoding)});
      exchange.respond(std::move(head), {});
    }
    if (handler) handler->on_cancel();
    return;
  }
  if (const auto handler = handler_) handler->on_message(std::move(message));
}

void Call::on_end() {
  if (finished()) return;
  const auto handler = handler_;
  if (reader_.partial()) {
    finish({Code::kInternal, "Unable to parse request"});
    handler->on_cancel();
  } else {
    handler->on_half_close();
  }
}

void Call::on_abort() {
  if (finished()) return;
  if (const auto handler = end()) handler->on_cancel();
}

void Call::on_deadline() {
  if (finished()) return;
  timer_ = 0;
  const auto handler = handler_;
  finish({Code::kDeadlineExceeded, "Deadline Exceeded"});
  if (handler) handler->on_cancel();
}

void Call::on_writable() {
  if (const auto handler = handler_) handler->on_writable();
}

void Call::on_drain() {
  if (const auto handler = handler_) handler->on_drain();
}

}  // namespace tfe::grpc
