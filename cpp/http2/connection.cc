#include "http2/connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

namespace tfe::http2 {
namespace {

constexpr std::size_t kFirstReceiveBuffer = 8U << 10;

// The reset codes that this server uses by itself; nghttp2 answers broken rules with the others.
bool is_our_choice(std::uint32_t code) {
  return code == NGHTTP2_NO_ERROR || code == NGHTTP2_REFUSED_STREAM || code == NGHTTP2_CANCEL ||
         code == NGHTTP2_INTERNAL_ERROR;
}

}  // namespace

Connection::Connection(http::Handler& handler, std::shared_ptr<http::Strand> strand,
                       const Options& options, base::TimePoint now, std::string peer)
    : handler_(handler),
      strand_(std::move(strand)),
      peer_(std::move(peer)),
      options_(options),
      now_(now),
      session_(*this, options_),
      guard_(options_.abuse, now),
      keepalive_(options_, now),
      strikes_(options_),
      age_(options_, now, random_luck()),
      counter_(std::make_shared<std::atomic<std::size_t>>(0)),
      alive_(std::make_shared<bool>(true)),
      buffer_(kFirstReceiveBuffer, '\0'),
      window_(options.connection_window),
      accepted_at_(now),
      idle_since_(now),
      progress_at_(now) {
  if (session_.get() == nullptr) phase_ = Phase::kClosed;
}

Connection::~Connection() {
  *alive_ = false;
  abort();
}

// --- Input ---------------------------------------------------------------------------------------

base::MutableBytes Connection::receive_buffer() {
  return std::as_writable_bytes(std::span(buffer_));
}

void Connection::received(std::size_t count, base::TimePoint now) {
  now_ = now;
  if (phase_ == Phase::kClosed) return;
  keepalive_.heard(now);
  const base::Bytes bytes = sniff(base::as_bytes(std::string_view(buffer_).substr(0, count)));
  if (!bytes.empty() && !session_.receive(bytes)) return close();
  if (count == buffer_.size() && count < options_.max_receive_buffer) {
    buffer_.resize(std::min(count * 2, options_.max_receive_buffer));
  }
  settle();
}

// Gives back what belongs to the session.
base::Bytes Connection::sniff(base::Bytes bytes) {
  if (phase_ != Phase::kPreface) return bytes;
  switch (sniffer_.feed(bytes)) {
    case PrefaceSniffer::Verdict::kHttp2:
      session_.submit_settings();
      phase_ = Phase::kOpen;
      idle_since_ = now_;
      // The session checks the preface too; it has seen none of the bytes that came before.
      if (!session_.receive(base::as_bytes(kClientPreface))) {
        close();
        return {};
      }
      return bytes.subspan(sniffer_.surplus_at());
    case PrefaceSniffer::Verdict::kHttp1:
      writer_.copy(base::as_bytes(http1_refusal()));
      writer_.flush();
      close();
      return {};
    case PrefaceSniffer::Verdict::kNoise:
      close();
      return {};
    case PrefaceSniffer::Verdict::kUndecided:
    case PrefaceSniffer::Verdict::kHttp1Head:
      return {};
  }
  return {};
}

void Connection::received_eof(base::TimePoint now) {
  now_ = now;
  close();
}

void Connection::on_frame(const FrameInfo& frame) {
  switch (frame.type) {
    case NGHTTP2_HEADERS:
      if (frame.is_request) open_stream(frame);
      break;
    case NGHTTP2_DATA:
      if (frame.length == 0 && !frame.has(NGHTTP2_FLAG_END_STREAM)) {
        Stream* stream = find(frame.stream_id);
        if (stream != nullptr && !stream->count_empty_frame(options_.abuse.empty_data_frames)) {
          go_away(NGHTTP2_ENHANCE_YOUR_CALM);
        }
      }
      break;
    case NGHTTP2_PING:
      if (!frame.has(NGHTTP2_FLAG_ACK)) {
        receive_ping();
      } else {
        on_pong();
      }
      break;
    case NGHTTP2_SETTINGS:
      if (!frame.has(NGHTTP2_FLAG_ACK)) count(AbuseGuard::Event::kSettings);
      break;
    case NGHTTP2_GOAWAY:
      if (phase_ == Phase::kOpen) phase_ = Phase::kDraining;
      break;
    default:
      break;
  }
  const bool carries_end = frame.type == NGHTTP2_HEADERS || frame.type == NGHTTP2_DATA;
  if (!carries_end || !frame.has(NGHTTP2_FLAG_END_STREAM)) return;
  if (Stream* stream = find(frame.stream_id)) stream->receive_end();
}

void Connection::on_data(std::int32_t stream_id, base::Bytes data) {
  if (Stream* stream = find(stream_id)) return stream->receive(data);
  consumed(stream_id, data.size());
}

void Connection::consumed(std::int32_t stream_id, std::size_t size) {
  if (phase_ == Phase::kClosed) return;
  nghttp2_session_consume(session(), stream_id, size);
}

bool Connection::prepay(std::size_t size) {
  if (held_ + size > options_.max_held) {
    starved_ = true;
    return false;
  }
  held_ += size;
  nghttp2_session_consume_connection(session(), size);
  return true;
}

void Connection::settle_prepaid(std::int32_t stream_id, std::size_t size) {
  held_ -= size;
  if (size == 0 || phase_ == Phase::kClosed) return;
  nghttp2_session_consume_stream(session(), stream_id, size);
  if (!std::exchange(starved_, false)) return;
  for (const auto& stream : streams_) stream->prepay_rest();
}

void Connection::widen(std::size_t stream_window) {
  const std::size_t wanted =
      std::min<std::size_t>(2 * stream_window, options_.max_connection_window);
  if (wanted <= window_) return;
  window_ = wanted;
  nghttp2_session_set_local_window_size(session(), NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(wanted));
}

// --- Streams -------------------------------------------------------------------------------------

Stream* Connection::find(std::int32_t stream_id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session(), stream_id));
}

void Connection::on_closed(std::int32_t stream_id, std::uint32_t /*error_code*/) {
  Stream* stream = find(stream_id);
  if (stream == nullptr) return;
  nghttp2_session_set_stream_user_data(session(), stream_id, nullptr);
  lose(*stream);
  remove(*stream);
}

// What the sink still works on counts as abandoned: resetting requests must not be a way to have
// more of them in work than the limit of open streams allows.
void Connection::lose(Stream& stream) {
  if (const auto sink = stream.lose()) abandoned_.push_back(sink->work(sink));
}

void Connection::remove(Stream& stream) {
  const std::size_t index = stream.index;
  const std::unique_ptr<Stream> gone = std::exchange(streams_[index], nullptr);
  if (index + 1 != streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index = index;
  }
  streams_.pop_back();
  counter_->store(streams_.size(), std::memory_order_relaxed);
  if (streams_.empty()) idle_since_ = now_;
}

void Connection::later(std::int32_t stream_id, std::function<void(Stream&)> task) {
  auto run = [this, alive = alive_, stream_id, task = std::move(task)] {
    if (!*alive || phase_ == Phase::kClosed) return;
    if (Stream* stream = find(stream_id)) task(*stream);
  };
  strand_->post(std::move(run), http::Strand::Where::kLoop);
}

// --- Output --------------------------------------------------------------------------------------

base::Chain& Connection::output(std::size_t budget) {
  budget_ = budget;
  if (phase_ == Phase::kPreface || phase_ == Phase::kClosed) return writer_.chain();
  while (writer_.size() < budget_) {
    base::Bytes frames;
    if (!session_.send(frames)) {
      close();
      break;
    }
    if (frames.empty()) break;
    writer_.copy(frames);
  }
  writer_.flush();
  if (offered_ == 0 && pending_ == 0) progress_at_ = now_;
  offered_ = writer_.size();
  return writer_.chain();
}

SendVerdict Connection::on_send_data(std::int32_t stream_id, base::Bytes frame_header,
                                     std::size_t size) {
  if (writer_.size() >= budget_) return SendVerdict::kNoRoom;
  Stream* stream = find(stream_id);
  // The frame was planned before the response was aborted.
  if (stream == nullptr || stream->unsent() < size) return SendVerdict::kReset;
  writer_.copy(frame_header);
  if (size == 0) return SendVerdict::kSent;
  writer_.append(stream->take(size));
  // Less than there was, and less than a frame: the peer's window cut it.
  if (size < options_.abuse.dribble_size && stream->unsent() > 0) {
    count(AbuseGuard::Event::kDribble);
  }
  progressed_.push_back(stream_id);
  return SendVerdict::kSent;
}

// A response that is complete while its request is not: the peer is told to stop sending (RFC 9113
// section 8.1). nghttp2 leaves that to the application.
void Connection::on_sent(const FrameInfo& frame) {
  if (frame.type == NGHTTP2_GOAWAY && frame.error_code != NGHTTP2_NO_ERROR) error_sent_ = true;
  if (frame.type == NGHTTP2_RST_STREAM && !is_our_choice(frame.error_code)) {
    count(AbuseGuard::Event::kProvokedReset);
  }
  const bool carries_data = frame.type == NGHTTP2_HEADERS || frame.type == NGHTTP2_DATA;
  if (carries_data) {
    strikes_.sent_data();
    keepalive_.sent_data();
  }
  const bool ends = carries_data && frame.has(NGHTTP2_FLAG_END_STREAM);
  if (ends && nghttp2_session_get_stream_remote_close(session(), frame.stream_id) == 0) {
    refuse(frame.stream_id, NGHTTP2_NO_ERROR);
  }
}

void Connection::sent(base::TimePoint now) {
  now_ = now;
  if (writer_.size() < offered_) progress_at_ = now;
  offered_ = writer_.size();
  if (phase_ == Phase::kClosed) return;
  for (const std::int32_t id : std::exchange(progressed_, {})) {
    if (Stream* stream = find(id)) stream->notify_writable();
  }
}

void Connection::pending_changed(std::size_t less, std::size_t more) {
  if (pending_ == 0 && more > 0) progress_at_ = now_;
  pending_ += more;
  pending_ -= less;
  if (options_.responses) options_.responses->change(less, more);
}

}  // namespace tfe::http2
