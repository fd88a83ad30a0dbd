// One HTTP/1.x connection of a server, without its socket: bytes in, bytes and handler calls out.
//
// Requests are answered one at a time, in order; later ones wait in the input buffer. All calls on
// the connection's strand. Handler and options outlive the connection; the strand is held.
//
//   kHead --head--> kBody --last byte--> kResponse --answered--> kHead
//     |               |                     |
//     +---------------+---------------------+--refused or closing--> kDone
//
//   kHead --handed over--> kDone, or kLeaving while nobody has room for it --nobody had--> kHead
//
// A request answered before its body ended stays in kBody without a sink: the rest is dropped.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/date.h"
#include "http/exchange.h"
#include "http/protocol.h"
#include "http1/body_decoder.h"
#include "http1/exchange.h"
#include "http1/framing.h"
#include "http1/input_buffer.h"
#include "http1/limits.h"
#include "http1/parser.h"

namespace tfe::http1 {

struct ConnectionOptions {
  Limits limits;
  DateSource date = http::current_date;
};

// What a connection tells of itself in every request.
struct Client {
  std::string peer = {};
  std::string_view scheme = "http";  // "https" behind TLS; a literal
  http::HandOver hand_over = {};     // empty: the connection stays
};

class Connection final : public http::Protocol, private ServerExchange::Owner {
 public:
  Connection(http::Handler& handler, std::shared_ptr<http::Strand> strand,
             const ConnectionOptions& options, base::TimePoint now, Client client = {});
  ~Connection() override;

  base::MutableBytes receive_buffer() override;
  void received(std::size_t count, base::TimePoint now) override;
  void received_eof(base::TimePoint now) override;
  bool wants_read() const override;
  base::Chain& output(std::size_t budget) override;
  void sent(base::TimePoint now) override;
  bool finished() const override { return state_ == State::kDone; }
  bool idle() const override;
  std::size_t in_flight() const override {
    return exchange_.ended() && state_ != State::kLeaving ? 0 : 1;
  }
  void drain(base::TimePoint now) override;
  void abort() override;
  std::optional<base::TimePoint> deadline() const override;
  void on_deadline(base::TimePoint now) override;

 private:
  enum class State : std::uint8_t { kHead, kBody, kResponse, kLeaving, kDone };

  // ServerExchange::Owner
  base::Chain& out() override { return out_; }
  bool can_keep_alive() override;
  bool hand_over() override;
  void want_continue() override;
  void pause(bool paused) override;
  void response_ended(bool complete) override;

  // Works through the input until it needs more, or the response, or the client to read.
  void process();
  bool step();
  bool step_head();
  bool step_body();
  bool step_response();
  void note_input(std::size_t count, base::TimePoint now);
  void begin_request(std::string_view text);
  void call_handler(const Framing& framing);
  void deliver(base::Bytes piece);
  void end_body();
  bool discarded_too_much(std::size_t count);

  // Answers with an error and closes; also in the middle of a request.
  void refuse(const Refusal& refusal);
  void report_refusal(const Refusal& refusal);
  void abort_sink();
  void close();
  void try_to_leave(base::TimePoint now);
  void input_timed_out();
  std::chrono::milliseconds idle_limit() const;
  std::optional<std::chrono::milliseconds> input_timeout() const;
  void restart_wait(base::TimePoint now);
  bool probes_client() const;
  void probe_client();

  http::Handler& handler_;
  const ConnectionOptions& options_;
  const Client client_;
  ServerExchange exchange_;
  std::shared_ptr<http::RequestSink> sink_;
  InputBuffer input_;
  base::Chain out_;
  Head head_;
  BodyDecoder body_;

  State state_ = State::kHead;
  bool processing_ = false;
  bool keep_alive_ = true;
  bool draining_ = false;
  bool eof_ = false;
  bool paused_ = false;
  bool expects_continue_ = false;  // the client waits for the interim response
  bool stays_ = false;             // nobody has taken the request that is begun
  bool wait_restarts_ = false;     // input_since_ is set by the next call that tells the time
  std::uint64_t discarded_ = 0;
  std::uint64_t requests_ = 0;
  std::size_t head_seen_ = 0;
  base::MutableBytes direct_;  // the sink's buffer that receive_buffer() returned, else empty

  base::TimePoint now_;           // of the last call that told
  base::TimePoint head_at_;       // the first byte of the head that comes or came last
  base::TimePoint input_since_;   // the current wait for input began
  base::TimePoint idle_since_;    // the wait for a request, whatever empty lines came
  std::size_t progress_ = 0;      // bytes of a body since input_since_
  base::TimePoint leaves_until_;  // kLeaving: then it stays
  base::TimePoint leaves_at_;     // kLeaving: the next attempt
  base::TimePoint probed_at_;     // a client that may have gone
  std::size_t unsent_ = 0;        // at the last output()
};

}  // namespace tfe::http1
