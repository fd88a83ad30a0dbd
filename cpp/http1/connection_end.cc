// How a connection ends: with an error, a time that is up, or without a word; see connection.h.
#include <string>
#include <utility>

#include "http/headers.h"
#include "http1/connection.h"

namespace tfe::http1 {

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

void Connection::input_timed_out() {
  switch (state_) {
    case State::kHead:
      if (input_.empty()) return close();
      return refuse({408, "the request head did not arrive in time"});
    case State::kBody:
      return refuse({408, "the request body did not arrive in time"});
    default:
      return close();
  }
}

}  // namespace tfe::http1
