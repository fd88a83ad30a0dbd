// The one request of a connection that is being answered, as its sink sees it. Tracks the
// response's progress and writes it into the connection's output; tells the connection when it is
// complete.
//
//   kNone -> respond() -> kComplete
//   kNone -> start() -> kStreaming -> finish() -> kComplete
//                                  -> abort()  -> kAborted
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "http/exchange.h"
#include "http1/response_writer.h"

namespace tfe::http1 {

class ServerExchange final : public http::Exchange {
 public:
  // What the exchange needs of its connection.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual base::Chain& out() = 0;
    // Asked when the response's head is written: whether another request can follow on the
    // connection, considering also what is left of this one's body.
    virtual bool can_keep_alive() = 0;
    virtual bool hand_over() = 0;
    virtual void want_continue() = 0;
    virtual void pause(bool paused) = 0;
    virtual void response_ended(bool complete) = 0;
  };

  ServerExchange(Owner& owner, std::shared_ptr<http::Strand> strand, DateSource date)
      : owner_(owner), strand_(std::move(strand)), date_(date) {}

  // Begins the next request.
  void reset(int version, bool head_request);
  // The connection is gone, or the request was refused after its response had begun.
  void invalidate() { state_ = State::kAborted; }
  bool started() const { return state_ != State::kNone; }
  bool ended() const { return state_ == State::kComplete || state_ == State::kAborted; }
  bool streaming() const { return state_ == State::kStreaming; }
  // The answer to the request said that the connection closes.
  bool closes() const { return !context_.keep_alive; }

  const std::shared_ptr<http::Strand>& strand() override { return strand_; }
  bool hand_over() override;
  void send_continue() override { owner_.want_continue(); }
  void pause_body() override;
  void resume_body() override;
  void respond(http::ResponseHead head, base::Chain body) override;
  void start(http::ResponseHead head) override;
  void write(base::Chain piece) override;
  void finish(http::Trailers trailers) override;
  void abort(http::AbortReason reason) override;
  std::size_t unsent() const override { return owner_.out().size(); }

 private:
  enum class State : std::uint8_t { kNone, kStreaming, kComplete, kAborted };

  Owner& owner_;
  std::shared_ptr<http::Strand> strand_;
  DateSource date_;
  State state_ = State::kComplete;
  ResponseContext context_;
  bool chunked_ = false;
  unsigned pauses_ = 0;
};

}  // namespace tfe::http1
