#include "http1/connection.h"

#include <algorithm>
#include <string>
#include <utility>

#include "http/headers.h"

namespace tfe::http1 {
namespace {

// Below this, one more receive into the connection's own buffer is cheaper than asking the sink.
constexpr std::uint64_t kDirectMinimum = 2048;

}  // namespace

Connection::Connection(http::Handler& handler, std::shared_ptr<http::Strand> strand,
                       const ConnectionOptions& options, base::TimePoint now, Client client)
    : handler_(handler),
      options_(options),
      client_(std::move(client)),
      exchange_(*this, std::move(strand), options.date),
      chunks_(options.limits),
      now_(now),
      input_since_(now),
      idle_since_(now) {}

Connection::~Connection() { abort_sink(); }

base::MutableBytes Connection::receive_buffer() {
  direct_ = {};
  if (state_ == State::kBody && sink_ && input_.empty()) {
    const std::uint64_t left = chunked_ ? chunks_.data_left() : length_left_;
    if (left >= kDirectMinimum) {
      const auto sink = sink_;
      direct_ = sink->body_buffer(left);
      if (direct_.size() > left) direct_ = direct_.first(left);
    }
  }
  return direct_.empty() ? input_.space() : direct_;
}

void Connection::received(std::size_t count, base::TimePoint now) {
  now_ = now;
  note_input(count, now);
  if (!direct_.empty()) {
    const base::Bytes piece = std::exchange(direct_, {}).first(count);
    if (chunked_) {
      chunks_.skip_data(count);
    } else {
      length_left_ -= count;
    }
    expects_continue_ = false;
    deliver(piece);
    if (state_ == State::kBody && !chunked_ && length_left_ == 0) end_body();
  } else {
    if (input_.empty()) head_at_ = now;
    input_.added(count);
  }
  process();
}

void Connection::received_eof(base::TimePoint now) {
  now_ = now;
  eof_ = true;
  process();
  if (probes_client()) probe_client();
}

bool Connection::wants_read() const {
  if (eof_) return false;
  switch (state_) {
    case State::kHead:
      return out_.size() <= options_.limits.max_unsent_bytes;
    case State::kBody:
      return !paused_;
    case State::kResponse:
      return input_.size() < options_.limits.max_pipelined_bytes;
    case State::kDone:
      return false;
  }
  return false;
}

base::Chain& Connection::output(std::size_t) {
  unsent_ = out_.size();
  return out_;
}

void Connection::sent(base::TimePoint now) {
  now_ = now;
  if (std::exchange(wait_restarts_, false)) restart_wait(now);
  const bool progress = out_.size() < unsent_;
  unsent_ = out_.size();
  if (progress && exchange_.streaming() && sink_) {
    const auto sink = sink_;
    sink->on_writable();
  }
  if (progress) process();
}

bool Connection::idle() const {
  return exchange_.ended() && out_.empty() && (state_ != State::kHead || input_.empty());
}

void Connection::drain(base::TimePoint now) {
  now_ = now;
  const bool told = std::exchange(draining_, true);
  if (const auto sink = sink_; sink && !told) sink->on_drain();
  if (state_ != State::kHead || !input_.empty()) return;
  if (options_.limits.drain_grace.count() == 0 || eof_) return close();
  if (!told) restart_wait(now);
}

void Connection::abort() {
  close();
  out_ = {};
}

bool Connection::can_keep_alive() {
  if (!keep_alive_ || draining_) return false;
  const std::uint64_t most = options_.limits.max_requests;
  if (most > 0 && requests_ >= most) return false;
  if (state_ != State::kBody) return true;
  return !expects_continue_ && body_announced() <= options_.limits.max_discarded_body;
}

void Connection::want_continue() {
  if (!expects_continue_ || exchange_.started()) return;
  expects_continue_ = false;
  out_.append(base::as_bytes(kContinueText), nullptr);
}

void Connection::pause(bool paused) {
  paused_ = paused;
  wait_restarts_ = wait_restarts_ || !paused;
  if (!paused) process();
}

void Connection::response_ended(bool complete) {
  if (!complete) return close();
  sink_.reset();
  paused_ = false;
  discarded_ = 0;
  if (state_ == State::kBody && exchange_.closes()) close();
  process();
}

void Connection::process() {
  if (std::exchange(processing_, true)) return;
  while (step()) {
  }
  processing_ = false;
}

bool Connection::step() {
  switch (state_) {
    case State::kHead:
      return step_head();
    case State::kBody:
      return step_body();
    case State::kResponse:
      return step_response();
    case State::kDone:
      return false;
  }
  return false;
}

bool Connection::step_head() {
  if (out_.size() > options_.limits.max_unsent_bytes) return false;
  const HeadScan scan = scan_head(input_.text(), head_seen_, options_.limits);
  input_.consume(scan.skip);
  // Empty lines before a request are tolerated, but do not keep an idle connection open.
  if (scan.skip > 0 && input_.empty()) input_since_ = idle_since_;
  head_seen_ = input_.size();
  if (scan.refusal) {
    refuse(*scan.refusal);
  } else if (scan.size > 0) {
    head_seen_ = 0;
    begin_request(input_.text().substr(0, scan.size));
  } else if (eof_) {
    if (input_.empty()) {
      close();
    } else {
      refuse({400, "the connection ended within a request head"});
    }
  } else {
    return false;
  }
  return true;
}

void Connection::begin_request(std::string_view text) {
  Framing framing;
  auto refusal = parse_head(text, options_.limits, head_);
  if (!refusal) refusal = read_framing(head_, options_.limits, framing);
  ++requests_;
  if (refusal) return refuse(*refusal);
  const std::size_t size = text.size();
  chunked_ = framing.chunked;
  chunks_ = ChunkedDecoder(options_.limits);
  length_left_ =
      framing.content_length > 0 ? static_cast<std::uint64_t>(framing.content_length) : 0;
  keep_alive_ = framing.keep_alive;
  expects_continue_ = framing.expects_continue;
  paused_ = false;
  discarded_ = 0;
  exchange_.reset(head_.version, head_.method == "HEAD");
  state_ = framing.has_body() ? State::kBody : State::kResponse;
  input_since_ = now_;  // the body has its own time
  progress_ = 0;
  call_handler(framing);
  if (state_ != State::kDone) input_.consume(size);
  if (state_ == State::kResponse && sink_) end_body();
}

void Connection::call_handler(const Framing& framing) {
  const http::RequestHead head{.method = head_.method,
                               .target = head_.target,
                               .scheme = client_.scheme,
                               .authority = head_.authority,
                               .peer = client_.peer,
                               .version = head_.version,
                               .headers = head_.headers,
                               .has_body = framing.has_body(),
                               .content_length = framing.content_length,
                               .received_at = head_at_};
  auto sink = handler_.on_request(head, exchange_);
  if (!exchange_.ended()) sink_ = std::move(sink);
}

bool Connection::step_body() {
  if (paused_) return false;
  if (chunked_) return step_chunk();
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(input_.size(), length_left_));
  if (count == 0) {
    if (!eof_) return false;
    refuse({400, "request body ended " + std::to_string(length_left_) +
                     " bytes before the announced Content-Length"});
    return true;
  }
  expects_continue_ = false;
  length_left_ -= count;
  deliver(input_.bytes().first(count));
  if (state_ != State::kBody) return true;
  input_.consume(count);
  if (length_left_ == 0) end_body();
  return true;
}

bool Connection::step_chunk() {
  const ChunkedDecoder::Step step = chunks_.next(input_.bytes());
  switch (step.event) {
    case ChunkedDecoder::Event::kNeedMore:
      input_.consume(step.consumed);
      if (!eof_) return false;
      refuse({400, "request body ended before its last chunk"});
      return true;
    case ChunkedDecoder::Event::kError:
      refuse({chunks_.error_status(), chunks_.error()});
      return true;
    case ChunkedDecoder::Event::kDone:
      input_.consume(step.consumed);
      end_body();
      return true;
    case ChunkedDecoder::Event::kData:
      break;
  }
  expects_continue_ = false;
  if (!sink_ && discarded_too_much(step.data.size())) return true;
  deliver(step.data);
  if (state_ == State::kBody) input_.consume(step.consumed);
  return true;
}

// The rest of a chunked body has no known size, so it is counted as it comes.
bool Connection::discarded_too_much(std::size_t count) {
  discarded_ += count;
  if (discarded_ <= options_.limits.max_discarded_body) return false;
  close();
  return true;
}

bool Connection::step_response() {
  if (!exchange_.ended()) return false;
  if (exchange_.closes() || draining_) {
    close();
    return true;
  }
  state_ = State::kHead;
  wait_restarts_ = true;
  return true;
}

void Connection::deliver(base::Bytes piece) {
  if (const auto sink = sink_) sink->on_body(piece);
}

void Connection::end_body() {
  state_ = State::kResponse;
  head_at_ = now_;  // of a request that came with this one's end
  if (const auto sink = sink_) sink->on_end();
}

void Connection::refuse(const Refusal& refusal) {
  if (state_ == State::kHead) {
    report_refusal(refusal);
    exchange_.reset(11, false);
  }
  abort_sink();
  keep_alive_ = false;
  // A response that was sent, or begun, cannot be taken back.
  if (!exchange_.started()) {
    exchange_.respond({.status = refusal.status, .headers = {{"content-type", "application/json"}}},
                      base::Chain::of("{\"error\":\"" + refusal.message + "\"}"));
  }
  close();
}

// The handler saw nothing of the request, but its log may want to tell.
void Connection::report_refusal(const Refusal& refusal) {
  const std::string_view text = input_.text();
  const std::string_view line = text.substr(0, text.find('\r'));
  http::RefusedRequest request{.peer = client_.peer, .status = refusal.status};
  if (const std::size_t blank = line.find(' '); http::is_token(line.substr(0, blank))) {
    request.method = line.substr(0, blank);
    if (blank != line.npos) {
      const std::string_view rest = line.substr(blank + 1);
      request.target = rest.substr(0, rest.find(' '));
    }
  }
  handler_.on_refused(request);
}

void Connection::abort_sink() {
  if (const auto sink = std::exchange(sink_, nullptr); sink && !exchange_.ended()) sink->on_abort();
}

void Connection::close() {
  abort_sink();
  exchange_.invalidate();
  state_ = State::kDone;
  input_.clear();
  direct_ = {};
}

std::uint64_t Connection::body_announced() const {
  return chunked_ ? chunks_.data_left() : length_left_;
}

}  // namespace tfe::http1
