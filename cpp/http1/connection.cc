#include "http1/connection.h"

#include <utility>

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
      body_(options.limits),
      now_(now),
      input_since_(now),
      idle_since_(now) {}

Connection::~Connection() { abort_sink(); }

base::MutableBytes Connection::receive_buffer() {
  direct_ = {};
  if (state_ == State::kBody && sink_ && input_.empty()) {
    const std::uint64_t left = body_.left();
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
    body_.skip(count);
    expects_continue_ = false;
    deliver(piece);
    if (state_ == State::kBody && body_.done()) end_body();
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
    case State::kLeaving:
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
  return in_flight() == 0 && out_.empty() && (state_ != State::kHead || input_.empty());
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
  return !expects_continue_ && body_.left() <= options_.limits.max_discarded_body;
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
    case State::kLeaving:
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
  body_.begin(framing);
  keep_alive_ = framing.keep_alive;
  expects_continue_ = framing.expects_continue;
  paused_ = false;
  discarded_ = 0;
  exchange_.reset(head_.version, head_.method == "HEAD");
  state_ = framing.has_body() ? State::kBody : State::kResponse;
  input_since_ = now_;  // the body has its own time
  progress_ = 0;
  call_handler(framing);
  if (state_ == State::kBody || state_ == State::kResponse) input_.consume(size);
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
  stays_ = false;
  if (!exchange_.ended()) sink_ = std::move(sink);
}

bool Connection::step_body() {
  if (paused_) return false;
  const BodyDecoder::Step step = body_.next(input_.bytes());
  switch (step.event) {
    case BodyDecoder::Event::kNeedMore:
      input_.consume(step.consumed);
      if (!eof_) return false;
      refuse(body_.cut_short());
      return true;
    case BodyDecoder::Event::kError:
      refuse(body_.error());
      return true;
    case BodyDecoder::Event::kDone:
      input_.consume(step.consumed);
      end_body();
      return true;
    case BodyDecoder::Event::kData:
      break;
  }
  expects_continue_ = false;
  if (!sink_ && discarded_too_much(step.data.size())) return true;
  deliver(step.data);
  if (state_ != State::kBody) return true;
  input_.consume(step.consumed);
  if (body_.done()) end_body();
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

}  // namespace tfe::http1
