// A request whose answer needs a call of the core that may block: collects the (small) body on the
// connection's strand, works on the executor, answers on the strand.
#pragma once

#include <functional>
#include <memory>

#include "http/exchange.h"
#include "kserve_http/body_buffer.h"
#include "kserve_http/options.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

class BlockingCall final : public http::RequestSink,
                           public std::enable_shared_from_this<BlockingCall> {
 public:
  // Runs on the executor; must not refer to the request head. The body has readable padding behind
  // it for codec::JsonReader.
  using Work = std::move_only_function<Reply(base::Bytes body)>;
  // The same for an answer that comes later, from any thread, once.
  using Answer = std::move_only_function<void(Reply)>;
  using LaterWork = std::move_only_function<void(base::Bytes body, Answer answer)>;
  enum class Body : std::uint8_t { kIgnored, kCollected };
  using Lane = kserve::Executor::Lane;

  // Returns the sink for on_request. Answers at once if the announced body is too large, or does
  // not fit into what may be in flight. kSlow: the work may wait for a model to load.
  static std::shared_ptr<http::RequestSink> start(std::shared_ptr<const Context> context,
                                                  const http::RequestHead& head,
                                                  http::Exchange& exchange, Body body, Work work,
                                                  Lane lane = Lane::kSlow);
  static std::shared_ptr<http::RequestSink> start_later(std::shared_ptr<const Context> context,
                                                        const http::RequestHead& head,
                                                        http::Exchange& exchange, Body body,
                                                        LaterWork work, Lane lane);

  BlockingCall(std::shared_ptr<const Context> context, std::int64_t content_length,
               http::Exchange& exchange, kserve::Admission::Ticket ticket, Body body,
               LaterWork work, Lane lane);

  base::MutableBytes body_buffer(std::size_t wanted) override;
  void on_body(base::Bytes piece) override;
  void on_end() override;
  void on_abort() override { exchange_ = nullptr; }

 private:
  base::Status collect(base::Bytes piece);
  void finish(Reply reply);

  std::shared_ptr<const Context> context_;
  http::Exchange* exchange_;  // null once answered or aborted; on the strand only
  std::shared_ptr<http::Strand> strand_;
  kserve::Admission::Ticket ticket_;
  Body wants_body_;
  BodyBuffer body_;
  LaterWork work_;
  Lane lane_;
};

// The error for JSON text above Options::max_input_size.
base::Error json_too_large(std::uint64_t size, std::uint64_t limit);

}  // namespace tfe::kserve_http
