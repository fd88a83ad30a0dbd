#include "grpc/call.h"

#include <utility>

namespace tfe::grpc {
namespace {

constexpr std::string_view kContentType = "application/grpc";

// Larger answers are left to the loop thread, so that a thread of the core never sits in a long
// write.
constexpr std::size_t kSmallAnswer = 64U << 10;
// Larger messages take a thread of a loop too long to compress.
constexpr std::size_t kCompressHere = 16U << 10;

void add_status(std::vector<http::Header>& headers, const Status& status) {
  headers.push_back({"grpc-status", std::to_string(static_cast<int>(status.code))});
  if (!status.message.empty()) headers.push_back({"grpc-message", percent_encode(status.message)});
}

http::ResponseHead response_head(http::Coding coding) {
  http::ResponseHead head;
  head.headers.reserve(3);
  head.headers.push_back({"content-type", std::string(kContentType)});
  head.headers.push_back({"grpc-accept-encoding", std::string(kAcceptEncoding)});
  if (coding != http::Coding::kIdentity) {
    head.headers.push_back({"grpc-encoding", std::string(http::coding_name(coding))});
  }
  return head;
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
      reader_(options_.max_message_size, options_.budget, options_.aligner, std::move(encoding)) {
  if (options_.calls) options_.calls->fetch_add(1, std::memory_order_relaxed);
}

Call::~Call() {
  if (options_.calls) options_.calls->fetch_sub(1, std::memory_order_relaxed);
}

void Call::open(std::shared_ptr<CallHandler> handler, std::optional<base::TimePoint> deadline) {
  if (finished()) return;
  handler_ = std::move(handler);
  deadline_ = deadline;
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
  if (message.size() > options_.max_send_size) {
    return fail({Code::kResourceExhausted, "SERVER: Sent message larger than max (" +
                                               std::to_string(message.size()) + " vs. " +
                                               std::to_string(options_.max_send_size) + ")"});
  }
  if (std::exchange(state_, State::kSpeaking) == State::kSilent) {
    exchange_->start(response_head(options_.coding));
  }
  if (options_.coding != http::Coding::kIdentity) return compress(std::move(message));
  exchange_->write(frame_message(std::move(message)));
}

// Small messages in place, large ones elsewhere; those behind a large one wait for it.
void Call::compress(base::Chain message) {
  const bool here = !options_.offload || message.size() <= kCompressHere;
  if (here && slots_.empty()) {
    return exchange_->write(frame_compressed(std::move(message), options_.coding, options_.level));
  }
  const auto slot = std::make_shared<Slot>(Slot{message.size(), std::move(message)});
  slots_.push_back(slot);
  compressing_ += slot->size;
  if (here) {
    slot->bytes = frame_compressed(std::move(slot->bytes), options_.coding, options_.level);
    slot->ready = true;
    return;
  }
  const bool taken = options_.offload([call = shared_from_this(), slot] {
    const CallOptions& options = call->options_;
    slot->bytes = frame_compressed(std::move(slot->bytes), options.coding, options.level);
    call->strand_->post(
        [call, slot] {
          slot->ready = true;
          call->flush();
        },
        http::Strand::Where::kLoop);
  });
  if (taken) return;
  slot->bytes = frame_message(std::move(slot->bytes));
  slot->ready = true;
  flush();
}

void Call::flush() {
  while (exchange_ != nullptr && !slots_.empty() && slots_.front()->ready) {
    const auto slot = std::move(slots_.front());
    slots_.pop_front();
    compressing_ -= slot->size;
    exchange_->write(std::move(slot->bytes));
  }
  if (state_ == State::kFlushing && slots_.empty()) conclude(last_);
}

void Call::finish(Status status) {
  if (finished()) return;
  if (state_ == State::kSilent) {
    http::Exchange& exchange = *exchange_;
    const auto handler = end();  // let go after the answer was given
    return exchange.respond(trailers_only(status), {});
  }
  if (slots_.empty()) return conclude(status);
  last_ = std::move(status);
  end(State::kFlushing);
}

void Call::conclude(const Status& status) {
  http::Exchange& exchange = *exchange_;
  const auto handler = end();
  http::Trailers trailers;
  add_status(trailers, status);
  exchange.finish(std::move(trailers));
}

// Ends the call for a reason that the handler does not know.
void Call::fail(Status status) {
  const auto handler = handler_;
  // "Compression": a client that used an unknown one is told those that would do.
  if (status.code == Code::kUnimplemented && state_ == State::kSilent) {
    http::Exchange& exchange = *exchange_;
    end();
    auto head = trailers_only(status);
    head.headers.push_back({"grpc-accept-encoding", std::string(kAcceptEncoding)});
    exchange.respond(std::move(head), {});
  } else {
    finish(std::move(status));
  }
  if (handler) handler->on_cancel();
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

std::shared_ptr<CallHandler> Call::end(State state) {
  state_ = state;
  if (state == State::kFinished) {
    exchange_ = nullptr;
    slots_.clear();
    compressing_ = 0;
  }
  if (timer_ != 0) strand_->cancel_timer(std::exchange(timer_, 0));
  if (message_timer_ != 0) strand_->cancel_timer(std::exchange(message_timer_, 0));
  return std::exchange(handler_, nullptr);
}

void Call::on_body(base::Bytes piece) {
  received_ += piece.size();
  read(piece);
  if (paused_ && !finished()) held_ += base::as_text(piece);
}

void Call::read(base::Bytes& bytes) {
  while (!finished() && !paused_) {
    auto message = reader_.next(bytes);
    if (!message) return fail(std::move(message.error()));
    if (!*message) return expect_rest();
    if (const auto handler = handler_) handler->on_message(std::move(**message));
  }
}

void Call::expect_rest() {
  if (const std::size_t missing = reader_.missing(); missing > 0) exchange_->expect_body(missing);
  watch_message();
}

void Call::watch_message() {
  if (options_.message_timeout.count() == 0 || message_timer_ != 0 || !reader_.partial()) return;
  message_timer_ = strand_->run_at(options_.now() + options_.message_timeout,
                                   [weak = weak_from_this(), received = received_] {
                                     if (const auto call = weak.lock())
                                       call->check_message(received);
                                   });
}

// What is paused waits for us, not for the client.
void Call::check_message(std::uint64_t received) {
  message_timer_ = 0;
  if (finished()) return;
  if (received != received_ || paused_ || !reader_.partial()) return watch_message();
  fail({Code::kDeadlineExceeded, "no byte of the request message came for " +
                                     std::to_string(options_.message_timeout.count()) + " ms"});
}

void Call::on_end() {
  if (finished()) return;
  if (reader_.partial()) return fail({Code::kInternal, "Unable to parse request"});
  if (const auto handler = handler_) handler->on_half_close();
}

void Call::on_abort() {
  if (state_ == State::kFinished) return;
  if (const auto handler = end()) handler->on_cancel();
}

void Call::on_deadline() {
  timer_ = 0;
  if (!finished()) fail(deadline_exceeded());
}

void Call::on_shutdown() {
  if (!finished()) fail({Code::kCancelled, "CANCELLED"});
}

void Call::on_writable() {
  if (const auto handler = handler_) handler->on_writable();
}

void Call::on_drain() {
  if (const auto handler = handler_) handler->on_drain();
}

}  // namespace tfe::grpc
