// The seam between protocols and applications. HTTP/1.1 and HTTP/2 implement Exchange and drive a
// RequestSink; KServe handlers and gRPC calls do the reverse. Nothing here knows about sockets.
//
// Thread rule: everything runs on the connection's strand (one caller at a time), except
// Strand::post, which may be called from any thread. Lifetime rule: an Exchange is valid from
// Handler::on_request until the response was finished, or until on_abort, whichever comes first;
// afterwards the sink gets no more calls and must not touch it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"

namespace tfe::http {

// Serializes all work of one connection. Shared, because callbacks of the inference core may
// outlive the connection: tasks posted to a closed connection still run, so that what they own is
// released; their sink has seen on_abort by then.
class Strand {
 public:
  using Task = std::move_only_function<void()>;
  using TimerId = std::uint64_t;

  // kHere: run on the calling thread if the connection is free, which saves a wake-up of the loop.
  // For short work with a small response only. kLoop: run on the connection's loop thread, batched
  // with what else is due there. Never runs inside post() when called from the strand itself.
  enum class Where : std::uint8_t { kHere, kLoop };

  virtual ~Strand() = default;
  virtual void post(Task task, Where where) = 0;
  // On the strand only. A cancelled or expired id is ignored. Ids start at 1.
  virtual TimerId run_at(base::TimePoint when, Task task) = 0;
  virtual void cancel_timer(TimerId id) = 0;
};

struct HeaderView {
  std::string_view name;  // HTTP/2: lower case; HTTP/1: as received. Compare with iequals().
  std::string_view value;
};

// All views are valid during Handler::on_request only.
struct RequestHead {
  std::string_view method;
  std::string_view target;  // as received: path and query, not percent-decoded
  std::string_view scheme;  // "http" or "https"
  std::string_view authority;
  // Where the client is: "127.0.0.1:50000", "[::1]:50000", "unix:". Valid as long as the exchange.
  std::string_view peer;
  int version = 11;  // 10, 11 or 20
  std::span<const HeaderView> headers;
  bool has_body = false;
  // -1 when the length is not announced.
  std::int64_t content_length = -1;
  // When the first byte of the head was seen.
  base::TimePoint received_at = {};
};

struct Header {
  std::string_view name;  // lower case, a literal or otherwise longer-lived than the exchange
  std::string value;
};

struct ResponseHead {
  int status = 200;
  std::vector<Header> headers;  // without framing: content-length and the like are the protocol's
  // No further request shall come on the connection. Of HTTP/1 alone: others have many at a time.
  bool last = false;
};

using Trailers = std::vector<Header>;

// Why the sender gives up on a response that it has begun; the protocol maps it to a reset code.
enum class AbortReason : std::uint8_t { kInternal, kCancelled, kRefused };

class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const std::shared_ptr<Strand>& strand() = 0;
  // Requests of this connection that are in flight, readable from any thread and longer-lived than
  // the exchange. Null where there is never more than this one.
  virtual std::shared_ptr<const std::atomic<std::size_t>> in_flight_counter() const {
    return nullptr;
  }

  // A place for what the application keeps per connection, empty at first; null where connections
  // have none. On the strand.
  virtual std::shared_ptr<void>* connection_slot() { return nullptr; }

  // Has another server of the port answer this request and, as the connection goes there, all that
  // follow. In on_request only, and before anything else is done. False if the protocol, TLS, an
  // answer that is still to be sent, or the lack of a server that takes it, stand against it. True:
  // the exchange is over, and the sink gets no calls. If nobody has had room for it in the end,
  // on_request is called once more, and this gives false.
  virtual bool hand_over() { return false; }

  // Answers "Expect: 100-continue" if the client asked for it; otherwise does nothing. A sink that
  // wants the body calls it from on_request's sink; one that refuses just responds.
  virtual void send_continue() = 0;
  // Counted: each pause needs one resume. While paused no on_body comes and flow control holds the
  // client back.
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;

  // So many bytes of body are to come and will be taken as they do: the protocol may let the client
  // send further ahead.
  virtual void expect_body(std::size_t bytes) { (void)bytes; }

  // A whole response. The same as start, write and finish, in one call.
  virtual void respond(ResponseHead head, base::Chain body) = 0;
  // A streamed response: one start, any number of writes, one finish or abort.
  virtual void start(ResponseHead head) = 0;
  virtual void write(base::Chain piece) = 0;
  virtual void finish(Trailers trailers) = 0;
  virtual void abort(AbortReason reason) = 0;
  // Bytes taken by write() and not yet handed to the transport; sinks that stream stop producing
  // above a mark of theirs and go on at on_writable().
  virtual std::size_t unsent() const = 0;
};

// Receives one request's body. Kept alive by the protocol until its exchange ends.
class RequestSink {
 public:
  virtual ~RequestSink() = default;

  // Where the protocol may receive the next part of the body without a copy, at most `wanted`
  // bytes. Bytes that land there are reported by on_body with that very address. Empty: no
  // preference.
  virtual base::MutableBytes body_buffer(std::size_t wanted) {
    (void)wanted;
    return {};
  }
  virtual void on_body(base::Bytes piece) = 0;
  virtual void on_end() = 0;
  // The client or the connection is gone, or the protocol refused the rest of the request.
  virtual void on_abort() = 0;
  // unsent() has fallen since the last write.
  virtual void on_writable() {}
  // The server is going away and waits for the answers in work: one that would go on for ever comes
  // to its end. At most once.
  virtual void on_drain() {}
  // The server stops and on_abort follows: the last moment to tell the client so.
  virtual void on_shutdown() {}
  // What lives as long as the request is worked on, which may be longer than the exchange. `self`
  // refers to this object.
  virtual std::weak_ptr<const void> work(const std::shared_ptr<RequestSink>& self) { return self; }
};

// A request that the protocol answered itself, because it was malformed, too large or too slow.
// Views are valid during the call.
struct RefusedRequest {
  std::string_view peer = {};
  std::string_view method = {};  // this and the target may be empty: nothing of use came
  std::string_view target = {};
  int version = 11;
  int status = 400;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // Never null. May respond at once: the body is then skipped and the sink gets no calls.
  virtual std::shared_ptr<RequestSink> on_request(const RequestHead& head, Exchange& exchange) = 0;
  // The whole answer to a request whose headers exceed the limit (both in bytes: name + value + 32
  // each, RFC 9113 section 6.5.2). The request is then dropped; the connection goes on.
  virtual ResponseHead on_headers_too_large(std::size_t size, std::size_t limit) {
    (void)size;
    (void)limit;
    return {.status = 431, .headers = {}};
  }
  // For logs and counters: on_request was not called for it.
  virtual void on_refused(const RefusedRequest& request) { (void)request; }
};

}  // namespace tfe::http
