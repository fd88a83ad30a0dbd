#include "http1/exchange.h"

namespace tfe::http1 {

void ServerExchange::reset(int version, bool head_request) {
  state_ = State::kNone;
  context_ = {.version = version, .head_request = head_request, .keep_alive = true};
  chunked_ = false;
  pauses_ = 0;
}

bool ServerExchange::hand_over() {
  if (started() || !owner_.hand_over()) return false;
  invalidate();
  return true;
}

void ServerExchange::pause_body() {
  if (pauses_++ == 0) owner_.pause(true);
}

void ServerExchange::resume_body() {
  if (pauses_ > 0 && --pauses_ == 0) owner_.pause(false);
}

void ServerExchange::respond(http::ResponseHead head, base::Chain body) {
  if (state_ != State::kNone) return;
  context_.keep_alive = !head.last && owner_.can_keep_alive();
  write_response(head, std::move(body), context_, date_, owner_.out());
  state_ = State::kComplete;
  owner_.response_ended(true);
}

void ServerExchange::start(http::ResponseHead head) {
  if (state_ != State::kNone) return;
  // Without chunks, only the end of the connection ends the body.
  context_.keep_alive = context_.version == 11 && !head.last && owner_.can_keep_alive();
  chunked_ = write_stream_head(head, context_, date_, owner_.out());
  state_ = State::kStreaming;
}

void ServerExchange::write(base::Chain piece) {
  if (state_ != State::kStreaming || context_.head_request) return;
  if (chunked_) {
    write_chunk(std::move(piece), owner_.out());
  } else {
    owner_.out().append(std::move(piece));
  }
}

void ServerExchange::finish(http::Trailers trailers) {
  if (state_ != State::kStreaming) return;
  if (chunked_ && !context_.head_request) write_last_chunk(trailers, owner_.out());
  state_ = State::kComplete;
  owner_.response_ended(true);
}

void ServerExchange::abort(http::AbortReason) {
  if (ended()) return;
  // HTTP/1.1 has no other way to say that a message is broken than to end the connection inside it.
  state_ = State::kAborted;
  context_.keep_alive = false;
  owner_.response_ended(false);
}

}  // namespace tfe::http1
