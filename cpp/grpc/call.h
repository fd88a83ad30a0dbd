// One gRPC call over an http::Exchange, unary or streaming: messages in, messages and a status out.
//
// On the connection's strand only. The Call is the exchange's sink; its handler is let go when the
// call is finished or lost, so a handler may hold its Call. What outlives the call (an inference
// that cannot be stopped) may hold both.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "grpc/compression.h"
#include "grpc/framing.h"
#include "grpc/memory_budget.h"
#include "grpc/router_options.h"
#include "grpc/status.h"
#include "http/exchange.h"

namespace tfe::grpc {

class Call;

class CallHandler {
 public:
  virtual ~CallHandler() = default;
  virtual void on_message(Message message) = 0;
  // The client has sent all its messages.
  virtual void on_half_close() = 0;
  // The client or its deadline has ended the call. The call takes no more answers.
  virtual void on_cancel() = 0;
  // Call::unsent() has fallen.
  virtual void on_writable() {}
  // The server waits for its calls to end: one that would stay open for ever finishes.
  virtual void on_drain() {}
};

// A handler that takes exactly one message: later ones are ignored, none is an error.
class UnaryHandler : public CallHandler {
 public:
  explicit UnaryHandler(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  void on_message(Message message) final;
  void on_half_close() final;
  void on_cancel() override {}

 protected:
  virtual void on_request(Message message) = 0;
  Call& call() { return *call_; }
  const std::shared_ptr<Call>& shared_call() { return call_; }

 private:
  std::shared_ptr<Call> call_;
  bool received_ = false;
};

struct CallOptions {
  std::size_t max_message_size = kMaxMessageSize;
  std::size_t max_send_size = kMaxMessageSize;
  std::shared_ptr<MemoryBudget> budget;
  Aligner aligner = nullptr;
  // A message that has begun must bring a byte in each such time; 0 never ends it.
  std::chrono::milliseconds message_timeout{0};
  std::function<base::TimePoint()> now = &base::Clock::now;
  // Of the responses.
  http::Coding coding = http::Coding::kIdentity;
  CompressionLevel level = CompressionLevel::kNone;
  Offload offload;  // for compressing large responses; null: in place
  // Calls that exist, answered ones whose work goes on included. Counted by every Call.
  std::shared_ptr<std::atomic<std::size_t>> calls;
};

class Call final : public http::RequestSink, public std::enable_shared_from_this<Call> {
 public:
  //            send()               finish()              (messages compressed)
  //  kSilent ----------> kSpeaking -----------> kFlushing ----------> kFinished
  //     +--------finish(): trailers only---------------------------------^  ^
  //     +--------client or deadline, from every state-----------------------+
  enum class State : std::uint8_t { kSilent, kSpeaking, kFlushing, kFinished };

  // `encoding` is the request's grpc-encoding.
  Call(http::Exchange& exchange, CallOptions options, std::string encoding);
  ~Call() override;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // --- For the router: once, before the first message.
  void open(std::shared_ptr<CallHandler> handler, std::optional<base::TimePoint> deadline);

  // --- For handlers.
  const std::shared_ptr<http::Strand>& strand() const { return strand_; }
  bool finished() const { return state_ >= State::kFlushing; }
  // When the client gives up, if it said so; known before the first message.
  const std::optional<base::TimePoint>& deadline() const { return deadline_; }
  base::TimePoint now() const { return options_.now(); }
  // A message beyond the limit ends the call with RESOURCE_EXHAUSTED.
  void send(base::Chain message);
  void finish(Status status);
  // The one message of a unary call and its OK.
  void reply(base::Chain message);
  std::size_t unsent() const {
    return exchange_ != nullptr ? exchange_->unsent() + compressing_ : 0;
  }
  // No more messages until resume(), also of those that have arrived.
  void pause();
  void resume();
  // Where an answer of `bytes` should be written from: small ones of a connection's only call at
  // once on the thread that has them, others batched on the loop. Any thread.
  http::Strand::Where best_place(std::size_t bytes) const;

  // --- http::RequestSink.
  void on_body(base::Bytes piece) override;
  void on_end() override;
  void on_abort() override;
  void on_writable() override;
  void on_drain() override;
  void on_shutdown() override;

 private:
  // A message in its place in the order while it is compressed elsewhere.
  struct Slot {
    std::size_t size = 0;
    base::Chain bytes;
    bool ready = false;  // bytes are framed; set on the strand
  };

  // Takes messages off the front of `bytes` until they are used up, or the call is paused or over.
  void read(base::Bytes& bytes);
  void read_held();
  void fail(Status status);
  void compress(base::Chain message);
  void flush();
  void conclude(const Status& status);
  void expect_rest();
  void watch_message();
  void check_message(std::uint64_t received);
  void on_deadline();
  // Lets the handler go; gives it back for a last call.
  std::shared_ptr<CallHandler> end(State state = State::kFinished);

  http::Exchange* exchange_;
  std::shared_ptr<http::Strand> strand_;
  std::shared_ptr<const std::atomic<std::size_t>> in_flight_;
  CallOptions options_;
  MessageReader reader_;
  State state_ = State::kSilent;
  std::shared_ptr<CallHandler> handler_;
  std::optional<base::TimePoint> deadline_;
  http::Strand::TimerId timer_ = 0;
  bool paused_ = false;
  bool exchange_paused_ = false;
  // What had arrived with the message that led to the pause; no more than the exchange gives at
  // once, which is bounded by the stream's flow-control window.
  std::string held_;
  std::size_t held_at_ = 0;
  http::Strand::TimerId message_timer_ = 0;
  std::uint64_t received_ = 0;  // bytes of the request body
  std::deque<std::shared_ptr<Slot>> slots_;
  std::size_t compressing_ = 0;  // bytes of the messages in slots_
  Status last_;                  // what kFlushing ends with
};

// The one header block of an answer without messages ("Trailers-Only").
http::ResponseHead trailers_only(const Status& status, int http_status = 200);

}  // namespace tfe::grpc
