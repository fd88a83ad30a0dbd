// One request and its response on an HTTP/2 connection (RFC 9113 section 5.1, server side).
//
// On the connection's strand only. Owned by its Connection from the end of the request's header
// block until nghttp2 closes the stream; the sink is let go earlier, when the response is finished
// or aborted, so that a late callback never reaches a finished exchange.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "http/exchange.h"

namespace tfe::http2 {

class Connection;

class Stream final : public http::Exchange {
 public:
  // The response side. The request side is the session's own state.
  //
  //   kWaiting --start()--> kStarted --finish()--> kFinished
  //      |                     |
  //      +--respond()----------|-----------------> kFinished
  //      +--abort(), peer gone-+-----------------> kAborted
  enum class State : std::uint8_t { kWaiting, kStarted, kFinished, kAborted };

  Stream(Connection& connection, std::int32_t id) : connection_(connection), id_(id) {}

  const std::shared_ptr<http::Strand>& strand() override;
  std::shared_ptr<const std::atomic<std::size_t>> in_flight_counter() const override;
  std::shared_ptr<void>* connection_slot() override;
  void send_continue() override;
  void pause_body() override { ++pauses_; }
  void resume_body() override;
  void expect_body(std::size_t bytes) override;
  void respond(http::ResponseHead head, base::Chain body) override;
  void start(http::ResponseHead head) override;
  void write(base::Chain piece) override;
  void finish(http::Trailers trailers) override;
  void abort(http::AbortReason reason) override;
  std::size_t unsent() const override { return pending_.size(); }

  // --- Called by Connection.
  std::int32_t id() const { return id_; }
  State state() const { return state_; }
  void begin(http::Handler& handler, const http::RequestHead& head);
  void receive(base::Bytes piece);
  void receive_end();
  // The exchange is over without the sink's doing. Gives the sink back for watching, null if the
  // sink was let go before.
  std::shared_ptr<http::RequestSink> lose();
  void give_up();
  // There may be room for body that is held and was not prepaid.
  void prepay_rest();
  // False if the peer sends too many frames without payload.
  bool count_empty_frame(std::uint32_t limit) { return ++empty_frames_ <= limit; }
  // Progress of the response, for sinks that wait for room.
  void notify_writable();
  void notify_drain();

  // The data source: how much of at most `room` bytes is sent next, and then the bytes themselves.
  struct Plan {
    std::size_t size = 0;
    bool last = false;      // nothing follows but the trailers, if any
    bool trailers = false;  // trailers follow
  };
  Plan plan(std::size_t room) const;
  base::Chain take(std::size_t size);
  void submit_trailers();

  // Position in the connection's list of streams.
  std::size_t index = 0;

 private:
  bool open() const { return state_ == State::kWaiting || state_ == State::kStarted; }
  void submit_head(const http::ResponseHead& head, bool with_body);
  void end(State state);
  void deliver(base::Bytes piece);
  void return_credit(std::size_t held);

  Connection& connection_;
  std::int32_t id_;
  State state_ = State::kWaiting;
  bool expects_continue_ = false;
  bool received_end_ = false;
  std::uint32_t pauses_ = 0;
  std::uint32_t empty_frames_ = 0;
  std::size_t window_ = 0;  // raised to this, 0 if not
  std::shared_ptr<http::RequestSink> sink_;
  std::string held_;         // body that came while paused; bounded by the stream's window
  std::size_t prepaid_ = 0;  // of that, what the connection got its credit for
  base::Chain pending_;
  http::Trailers trailers_;
};

}  // namespace tfe::http2
