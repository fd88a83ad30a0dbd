// One JSON line per request, given to a writer when the response has ended. Also for requests that
// a protocol refused before they reached a handler. Off unless installed.
//
//   {"time":"2026-01-31T12:00:00.123Z","peer":"10.0.0.7:51234","method":"POST",
//    "path":"/v2/models/m/infer","protocol":"HTTP/1.1","status":200,"request_bytes":120,
//    "response_bytes":300,"duration_us":850,"request_id":"..","traceparent":"..",
//    "user_agent":"..","aborted":false}
//
// time: when the head was complete. Bytes: of the bodies as taken and given by the service, before
// framing. duration_us: until the response was handed to the connection. status: 0 if there was no
// response. The three headers are left out when absent. aborted: the client left, or the rest of
// its request was refused, or the response was broken off. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "http/exchange.h"

namespace tfe::http {

// Of one header value or path in a line; the rest is cut off, so that no client fills the disk with
// a few requests.
inline constexpr std::size_t kMaxLoggedText = 2048;

class AccessLog final : public Handler {
 public:
  // `write` takes a line without its end; it must not block. Any thread.
  using Write = std::function<void(std::string_view line)>;
  AccessLog(std::shared_ptr<Handler> next, Write write);

  std::shared_ptr<RequestSink> on_request(const RequestHead& head, Exchange& exchange) override;
  ResponseHead on_headers_too_large(std::size_t size, std::size_t limit) override {
    return next_->on_headers_too_large(size, limit);
  }
  void on_refused(const RefusedRequest& request) override;

  // The line that stands for `count` lines that the writer had to drop.
  static std::string dropped_line(std::uint64_t count);

 private:
  class Entry;

  const std::shared_ptr<Handler> next_;
  const std::shared_ptr<const Write> write_;
};

}  // namespace tfe::http
