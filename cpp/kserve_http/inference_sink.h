// What the inference endpoints have in common: takes a request in, decodes it, submits it, and lets
// go of it when the client does.
//
//   body arrives -> [worker: decode if heavy] -> submitted -> events -> answered
//
// Thread rule: as http::RequestSink on the connection's strand, except decode(), which may run on a
// worker, and on_event(), which runs on threads of the core. Held by the protocol while the request
// arrives, by a worker, then by the inference until its last event. A client that goes away cancels
// the inference.
#pragma once

#include <memory>
#include <string>

#include "http/exchange.h"
#include "kserve/inference.h"
#include "kserve_http/forwarded_headers.h"
#include "kserve_http/infer_style.h"
#include "kserve_http/options.h"
#include "kserve_http/reply.h"
#include "kserve_http/request_body.h"
#include "kserve_http/response_coding.h"
#include "kserve_http/trace_hooks.h"

namespace tfe::kserve_http {

// A request for an inference on its way to its sink; valid during Handler::on_request only.
struct InferenceStart {
  const std::shared_ptr<Context>& context;
  std::string model;
  std::int64_t version = -1;
  const http::RequestHead& head;
  http::Exchange& exchange;
  const InferStyle& style = kKserveStyle;  // lives as long as the program
};

class InferenceSink : public http::RequestSink,
                      public kserve::InferReceiver,
                      public std::enable_shared_from_this<InferenceSink> {
 public:
  InferenceSink(const InferenceStart& start, BodyPlan body, kserve::Admission::Ticket ticket);

  base::MutableBytes body_buffer(std::size_t wanted) final { return body_.room(wanted); }
  void on_body(base::Bytes piece) final;
  void on_end() final;
  void on_abort() override;

 protected:
  // Any one thread: makes a request of the decoded body.
  virtual base::Result<kserve::InferRequest> decode(const RequestBody& body) = 0;
  // On the strand.
  virtual base::Result<kserve::InferCall> submit(kserve::InferRequest&& request) = 0;

  // On the strand: the whole answer, unless there was one or the client has gone.
  void respond(Reply reply);
  void fail(const base::Error& error) { respond(style_.error(error)); }
  // Any thread: has respond() called on the strand.
  void post_reply(Reply reply);
  // On the strand: stops the inference, or lets go of one that has ended.
  void cancel();
  // Lets go of an inference that is answered. Its share of the caps goes back now, not when the
  // core's thread drops the sink: the client's next request may be here before.
  void finished() {
    call_.reset();
    body_.give_back();
  }

  const std::shared_ptr<Context> context_;
  const InferStyle& style_;
  const std::string model_;
  const std::int64_t version_;
  const std::shared_ptr<http::Strand> strand_;
  const ResponseCoding coding_;
  const Trace trace_;         // null: not traced
  http::Exchange* exchange_;  // null once answered or aborted; on the strand only

 private:
  base::Result<kserve::InferRequest> prepare();
  void prepare_on_worker();
  void go_on(base::Result<kserve::InferRequest> request);

  ForwardedHeaders forwarded_;
  RequestBody body_;
  kserve::InferCall call_;  // on the strand only
};

// Answers above this are sent by the loop, so that a thread of the core never sits in a large send.
inline constexpr std::size_t kSendHere = 64 * 1024;

// Whether another worker got the request, since the model cannot answer here now.
bool hand_over(const InferenceStart& start);

// The refusal of a request for what its head says.
Reply refuse_request(const base::Error& error, const InferStyle& style);

// Makes the sink, or answers what the caps on inferences refuse.
template <typename Sink, typename... Args>
std::shared_ptr<http::RequestSink> admit(const InferenceStart& start, BodyPlan body,
                                         Args&&... args) {
  const std::int64_t announced = start.head.content_length;
  auto ticket =
      start.context->admission.admit(announced > 0 ? static_cast<std::uint64_t>(announced) : 0);
  if (!ticket) return answer(start.exchange, start.style.error(ticket.error()));
  auto sink = std::make_shared<Sink>(start, std::move(body), *std::move(ticket),
                                     std::forward<Args>(args)...);
  start.exchange.send_continue();
  return sink;
}

}  // namespace tfe::kserve_http
