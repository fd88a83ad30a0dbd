#include "kserve_http/generate_stream.h"

#include <utility>

#include "codec/json_writer.h"
#include "kserve_http/generate_response.h"

namespace tfe::kserve_http {

GenerateStream::Piece GenerateStream::encode(const kserve::InferEvent& event) const {
  Piece piece;
  piece.last = event.final;
  base::Result<std::string> text = std::string();
  if (event.error) {
    text = std::unexpected(*event.error);
  } else if (event.response) {
    text = encode_generate(*event.response);
  }
  if (!text) {
    const Reply error = style_.error(text.error());
    piece.status = error.head.status;
    piece.text = sse_event(error.body.to_string());
  } else if (!text->empty()) {
    piece.text = sse_event(*text);
  }
  return piece;
}

void GenerateStream::on_event(kserve::InferEvent event) {
  if (event.response || event.error) trace_mark(trace_, kResponseComplete);
  if (overflowed_.load(std::memory_order_relaxed)) return;
  const std::size_t waiting =
      queued_.load(std::memory_order_relaxed) + unsent_.load(std::memory_order_relaxed);
  if (event.response && waiting >= context_->options.max_stream_backlog) return overflow();
  queue(encode(event));
}

void GenerateStream::queue(Piece piece) {
  queued_.fetch_add(piece.text.size(), std::memory_order_relaxed);
  const bool small = piece.text.size() <= kSendHere;
  strand_->post([this, self = shared_from_this(),
                 piece = std::move(piece)]() mutable { take(std::move(piece)); },
                small ? http::Strand::Where::kHere : http::Strand::Where::kLoop);
}

// Behind all events that were queued before.
void GenerateStream::overflow() {
  if (overflowed_.exchange(true)) return;
  const Reply error = style_.error({base::Code::kResourceExhausted,
                                    "the client reads too slowly: more than " +
                                        std::to_string(context_->options.max_stream_backlog) +
                                        " bytes of the stream wait for it (max_stream_backlog)"});
  strand_->post([this, self = shared_from_this()] { cancel(); }, http::Strand::Where::kLoop);
  queue({error.head.status, sse_event(error.body.to_string()), true});
}

void GenerateStream::take(Piece piece) {
  queued_.fetch_sub(piece.text.size(), std::memory_order_relaxed);
  if (exchange_ == nullptr || complete_) return;
  if (!any_ && !piece.text.empty()) {
    any_ = true;
    status_ = piece.status;
  }
  complete_ = piece.last;
  waiting_.append(std::move(piece.text));
  if (report_ready()) return flush();
  unsent_.store(waiting_.size(), std::memory_order_relaxed);
}

void GenerateStream::on_report() { flush(); }

void GenerateStream::flush() {
  if (!any_ && !complete_) return;
  if (!std::exchange(started_, true)) {
    http::ResponseHead head;
    head.status = status_;
    head.headers.push_back({"content-type", "text/event-stream; charset=utf-8"});
    // A stream is never the same twice, and no proxy should wait for its end to keep it.
    head.headers.push_back({"cache-control", "no-cache"});
    add_report(head);
    exchange_->start(std::move(head));
  }
  if (!waiting_.empty()) exchange_->write(trace_piece(trace_, std::exchange(waiting_, {})));
  note_unsent();
  if (!complete_) return;
  finished();
  std::exchange(exchange_, nullptr)->finish({});
}

void GenerateStream::note_unsent() {
  unsent_.store(exchange_->unsent(), std::memory_order_relaxed);
}

void GenerateStream::on_writable() {
  if (exchange_ != nullptr) note_unsent();
}

}  // namespace tfe::kserve_http
