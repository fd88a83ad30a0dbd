#include "http2/stream.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "http2/connection.h"

namespace tfe::http2 {
namespace {

nghttp2_nv field(std::string_view name, std::string_view value, std::uint8_t flags) {
  // The C API takes mutable pointers but only reads.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), flags};
}

void add_fields(std::vector<nghttp2_nv>& fields, const std::vector<http::Header>& headers) {
  for (const http::Header& header : headers) {
    fields.push_back(field(header.name, header.value, NGHTTP2_NV_FLAG_NO_COPY_NAME));
  }
}

std::uint32_t reset_code(http::AbortReason reason) {
  switch (reason) {
    case http::AbortReason::kInternal:
      return NGHTTP2_INTERNAL_ERROR;
    case http::AbortReason::kCancelled:
      return NGHTTP2_CANCEL;
    case http::AbortReason::kRefused:
      return NGHTTP2_REFUSED_STREAM;
  }
  return NGHTTP2_INTERNAL_ERROR;
}

ssize_t read_source(nghttp2_session* session, std::int32_t id, std::uint8_t* /*buffer*/,
                    std::size_t length, std::uint32_t* flags, nghttp2_data_source* source,
                    void* /*user_data*/) {
  auto& stream = *static_cast<Stream*>(source->ptr);
  const Stream::Plan plan = stream.plan(length);
  if (plan.size == 0 && !plan.last) return NGHTTP2_ERR_DEFERRED;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (plan.last) *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (plan.last && plan.trailers) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    stream.submit_trailers();
  }
  (void)session;
  (void)id;
  return static_cast<ssize_t>(plan.size);
}

}  // namespace

const std::shared_ptr<http::Strand>& Stream::strand() { return connection_.strand(); }

std::shared_ptr<const std::atomic<std::size_t>> Stream::in_flight_counter() const {
  return connection_.counter();
}

std::shared_ptr<void>* Stream::connection_slot() { return &connection_.slot(); }

void Stream::begin(http::Handler& handler, const http::RequestHead& head) {
  for (const http::HeaderView& header : head.headers) {
    if (header.name == "expect" && header.value == "100-continue") expects_continue_ = true;
  }
  std::shared_ptr<http::RequestSink> sink = handler.on_request(head, *this);
  if (open()) sink_ = std::move(sink);
}

void Stream::receive(base::Bytes piece) {
  if (!sink_) {
    connection_.consumed(id_, piece.size());
  } else if (pauses_ > 0) {
    held_.append(base::as_text(piece));
    if (connection_.prepay(piece.size())) prepaid_ += piece.size();
  } else {
    deliver(piece);
    connection_.consumed(id_, piece.size());
  }
}

// Credit goes back as soon as the sink has taken the bytes, not when the request completes: a
// stream of many messages would stall otherwise.
void Stream::deliver(base::Bytes piece) {
  const auto sink = sink_;  // on_body may finish the exchange
  sink->on_body(piece);
}

// Of bytes that were held the connection may have its credit already.
void Stream::return_credit(std::size_t held) {
  const std::size_t prepaid = std::exchange(prepaid_, 0);
  connection_.settle_prepaid(id_, prepaid);
  connection_.consumed(id_, held - prepaid);
}

void Stream::prepay_rest() {
  if (held_.size() <= prepaid_) return;  // also while they are delivered
  const std::size_t rest = held_.size() - prepaid_;
  if (connection_.prepay(rest)) prepaid_ += rest;
}

void Stream::receive_end() {
  received_end_ = true;
  if (!sink_ || pauses_ > 0) return;
  const auto sink = sink_;
  sink->on_end();
}

void Stream::resume_body() {
  if (--pauses_ > 0 || !sink_) return;
  // Later, because the caller may stand inside the sink; and the sink may have paused again by
  // then.
  connection_.later(id_, [](Stream& stream) {
    if (stream.pauses_ > 0 || !stream.sink_) return;
    const std::string held = std::exchange(stream.held_, {});
    if (!held.empty()) {
      stream.deliver(base::as_bytes(held));
      stream.return_credit(held.size());
    }
    if (stream.received_end_) stream.receive_end();
  });
}

void Stream::expect_body(std::size_t bytes) {
  const Options& options = connection_.options();
  const std::size_t wanted = std::min<std::size_t>(bytes, options.max_stream_window);
  if (wanted <= std::max<std::size_t>(window_, options.stream_window)) return;
  window_ = wanted;
  nghttp2_session_set_local_window_size(connection_.session(), NGHTTP2_FLAG_NONE, id_,
                                        static_cast<std::int32_t>(wanted));
  connection_.widen(wanted);
}

void Stream::send_continue() {
  if (!std::exchange(expects_continue_, false) || state_ != State::kWaiting) return;
  const nghttp2_nv status =
      field(":status", "100", NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE);
  nghttp2_submit_headers(connection_.session(), NGHTTP2_FLAG_NONE, id_, nullptr, &status, 1,
                         nullptr);
}

void Stream::submit_head(const http::ResponseHead& head, bool with_body) {
  const std::string status = std::to_string(head.status);
  std::vector<nghttp2_nv> fields;
  fields.reserve(head.headers.size() + 1);
  fields.push_back(field(":status", status, NGHTTP2_NV_FLAG_NO_COPY_NAME));
  add_fields(fields, head.headers);
  nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = &read_source};
  nghttp2_submit_response(connection_.session(), id_, fields.data(), fields.size(),
                          with_body ? &provider : nullptr);
}

void Stream::respond(http::ResponseHead head, base::Chain body) {
  if (state_ != State::kWaiting) return;
  pending_ = std::move(body);
  connection_.pending_changed(0, pending_.size());
  submit_head(head, !pending_.empty());
  end(State::kFinished);
}

void Stream::start(http::ResponseHead head) {
  if (state_ != State::kWaiting) return;
  state_ = State::kStarted;
  submit_head(head, true);
}

void Stream::write(base::Chain piece) {
  if (state_ != State::kStarted || piece.empty()) return;
  connection_.pending_changed(0, piece.size());
  pending_.append(std::move(piece));
  nghttp2_session_resume_data(connection_.session(), id_);
}

void Stream::finish(http::Trailers trailers) {
  if (state_ != State::kStarted) return;
  trailers_ = std::move(trailers);
  end(State::kFinished);
  // Trailers need no credit, but a source of data, even of none, is not asked while the window is
  // closed.
  if (pending_.empty() && !trailers_.empty()) return submit_trailers();
  nghttp2_session_resume_data(connection_.session(), id_);
}

void Stream::abort(http::AbortReason reason) {
  if (!open()) return;
  end(State::kAborted);
  nghttp2_submit_rst_stream(connection_.session(), NGHTTP2_FLAG_NONE, id_, reset_code(reason));
}

// Lets the sink go. What it did not read is given back to the connection's window.
void Stream::end(State state) {
  state_ = state;
  sink_.reset();
  if (!held_.empty()) return_credit(std::exchange(held_, {}).size());
  if (state == State::kAborted) {
    connection_.pending_changed(pending_.size(), 0);
    pending_ = {};
  }
}

std::shared_ptr<http::RequestSink> Stream::lose() {
  auto sink = std::move(sink_);
  end(open() ? State::kAborted : state_);
  connection_.pending_changed(pending_.size(), 0);
  pending_ = {};
  if (sink) sink->on_abort();
  return sink;
}

void Stream::give_up() {
  if (const auto sink = sink_) sink->on_shutdown();
}

void Stream::notify_writable() {
  if (const auto sink = sink_; sink && state_ == State::kStarted) sink->on_writable();
}

void Stream::notify_drain() {
  if (const auto sink = sink_) sink->on_drain();
}

Stream::Plan Stream::plan(std::size_t room) const {
  Plan plan{.size = std::min(room, pending_.size())};
  plan.last = state_ == State::kFinished && plan.size == pending_.size();
  plan.trailers = !trailers_.empty();
  return plan;
}

base::Chain Stream::take(std::size_t size) {
  connection_.pending_changed(size, 0);
  return pending_.split(size);
}

void Stream::submit_trailers() {
  std::vector<nghttp2_nv> fields;
  fields.reserve(trailers_.size());
  add_fields(fields, trailers_);
  nghttp2_submit_trailer(connection_.session(), id_, fields.data(), fields.size());
}

}  // namespace tfe::http2
