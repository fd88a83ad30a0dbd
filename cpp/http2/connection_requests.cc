// How a request begins: its header block is collected, and it becomes a stream or is refused.
#include <nghttp2/nghttp2.h>

#include <utility>

#include "http2/connection.h"

namespace tfe::http2 {
namespace {

// A client that knows the limit of its headers and exceeds it by this factor gets no explanation: a
// byte can stand for four kilobytes, and reading on would be work without end.
constexpr std::size_t kBombFactor = 8;

}  // namespace

void Connection::on_frame_begin(const FrameInfo& frame) {
  if (frame.type == NGHTTP2_HEADERS || frame.type == NGHTTP2_CONTINUATION) {
    begin_block_frame(frame);
  }
  if (frame.type != NGHTTP2_PRIORITY) return;
  count(AbuseGuard::Event::kPriority);
  // RFC 9113 section 6.3; the session does not look at what it ignores.
  if (frame.stream_id == 0) go_away(NGHTTP2_PROTOCOL_ERROR);
}

void Connection::begin_block_frame(const FrameInfo& frame) {
  if (frame.type == NGHTTP2_HEADERS) {
    block_size_ = 0;
    // The session reads and drops blocks for streams that are gone, any number of them.
    const bool late = find(frame.stream_id) == nullptr &&
                      frame.stream_id <= nghttp2_session_get_last_proc_stream_id(session());
    if (late) count(AbuseGuard::Event::kProvokedReset);
  }
  block_size_ += frame.length;
  // No block is longer than the list it stands for.
  if (block_size_ / kBombFactor > options_.max_header_list_size) {
    go_away(NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

void Connection::on_headers_begin(const FrameInfo& frame) {
  headers_.reset();
  headers_of_ = frame.stream_id;
  headers_at_ = now_;
}

bool Connection::on_header(const FrameInfo& frame, std::string_view name, std::string_view value) {
  headers_.add(name, value, options_.max_header_list_size);
  if (headers_.size() / kBombFactor <= options_.max_header_list_size) return true;
  count(AbuseGuard::Event::kProvokedReset);
  if (find(frame.stream_id) == nullptr) report_refused(frame, 431);
  return false;
}

// Requests that end here were never seen by the handler.
void Connection::on_invalid_frame(const FrameInfo& frame, bool refused) {
  if (frame.type != NGHTTP2_HEADERS || find(frame.stream_id) != nullptr) return;
  report_refused(frame, refused ? 503 : 400);
}

void Connection::report_refused(const FrameInfo& frame, int status) {
  http::RequestHead head;
  if (headers_of_ == frame.stream_id) head = headers_.head(false);
  handler_.on_refused({.peer = peer_,
                       .method = head.method,
                       .target = head.target,
                       .version = 20,
                       .status = status});
}

void Connection::open_stream(const FrameInfo& frame) {
  if (must_refuse()) {
    report_refused(frame, 503);
    return refuse(frame.stream_id, NGHTTP2_REFUSED_STREAM);
  }
  auto owned = std::make_unique<Stream>(*this, frame.stream_id);
  Stream& stream = *owned;
  stream.index = streams_.size();
  streams_.push_back(std::move(owned));
  counter_->store(streams_.size(), std::memory_order_relaxed);
  nghttp2_session_set_stream_user_data(session(), frame.stream_id, &stream);
  if (headers_.size() > options_.max_header_list_size) {
    report_refused(frame, 431);
    stream.respond(handler_.on_headers_too_large(headers_.size(), options_.max_header_list_size),
                   {});
    return;
  }
  http::RequestHead head = headers_.head(!frame.has(NGHTTP2_FLAG_END_STREAM));
  head.peer = peer_;
  head.received_at = headers_at_;
  stream.begin(handler_, head);
  if (draining_) stream.notify_drain();
}

// Nothing of a refused request was executed, so clients may send it again at once.
bool Connection::must_refuse() {
  if (pending_ + writer_.size() > options_.max_pending_response) return true;
  if (abandoned_.size() < options_.abuse.max_abandoned) return false;
  std::erase_if(abandoned_, [](const auto& work) { return work.expired(); });
  return abandoned_.size() >= options_.abuse.max_abandoned;
}

void Connection::refuse(std::int32_t stream_id, std::uint32_t code) {
  nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, stream_id, code);
}

}  // namespace tfe::http2
