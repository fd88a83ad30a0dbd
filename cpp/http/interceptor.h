// Stands between a protocol and a handler for one request, and lets decorators (access log, CORS)
// see and change what passes. To the handler it is the Exchange, to the protocol the RequestSink.
//
//   protocol --Exchange--> Interceptor --Exchange--> handler
//   protocol <-RequestSink- Interceptor <-RequestSink- handler's sink
//
// Derive from it, override the hooks that matter, and use run() in Handler::on_request. Thread
// rule: as for Exchange. Lifetime rule: the protocol owns the interceptor as its sink and drops it
// when the response has ended; it stays alive through the call that ends it, so the hooks may use
// members.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "http/exchange.h"

namespace tfe::http {

class Interceptor : public Exchange,
                    public RequestSink,
                    public std::enable_shared_from_this<Interceptor> {
 public:
  // `outer` is the protocol's exchange.
  explicit Interceptor(Exchange& outer) : outer_(&outer) {}

  // Gives the request to `next` through `interceptor`. What Handler::on_request returns.
  static std::shared_ptr<RequestSink> run(std::shared_ptr<Interceptor> interceptor, Handler& next,
                                          const RequestHead& head);

  // Exchange, for the handler.
  const std::shared_ptr<Strand>& strand() final { return outer_->strand(); }
  std::shared_ptr<const std::atomic<std::size_t>> in_flight_counter() const final {
    return outer_->in_flight_counter();
  }
  std::shared_ptr<void>* connection_slot() final { return outer_->connection_slot(); }
  // The other server tells of it: no hook is called.
  bool hand_over() final {
    if (!outer_->hand_over()) return false;
    ended_ = true;
    return true;
  }
  void send_continue() final { outer_->send_continue(); }
  void pause_body() final { outer_->pause_body(); }
  void resume_body() final { outer_->resume_body(); }
  void expect_body(std::size_t bytes) final { outer_->expect_body(bytes); }
  void respond(ResponseHead head, base::Chain body) final;
  void start(ResponseHead head) final;
  void write(base::Chain piece) final;
  void finish(Trailers trailers) final;
  void abort(AbortReason reason) final;
  std::size_t unsent() const final { return outer_->unsent(); }

  // RequestSink, for the protocol.
  base::MutableBytes body_buffer(std::size_t wanted) final { return inner_->body_buffer(wanted); }
  void on_body(base::Bytes piece) final;
  void on_end() final { inner_->on_end(); }
  void on_abort() final;
  void on_writable() final { inner_->on_writable(); }
  void on_drain() final {
    const auto self = shared_from_this();
    inner_->on_drain();
  }
  void on_shutdown() final {
    const auto self = shared_from_this();
    inner_->on_shutdown();
  }
  std::weak_ptr<const void> work(const std::shared_ptr<RequestSink>&) final {
    return inner_->work(inner_);
  }

 protected:
  enum class End : std::uint8_t {
    kComplete,
    kAbortedByHandler,
    kAbortedByPeer,  // or by the protocol, which refused the rest of the request
  };

  // Hooks, called before the call is passed on. Heads, pieces and trailers may be changed.
  virtual void request_body(base::Bytes piece) { (void)piece; }
  virtual void response_head(ResponseHead& head) { (void)head; }
  virtual void response_body(base::Chain& piece) { (void)piece; }
  virtual void response_trailers(Trailers& trailers) { (void)trailers; }
  // Once, last.
  virtual void ended(End how) { (void)how; }

 private:
  void end(End how);

  Exchange* outer_;
  std::shared_ptr<RequestSink> inner_;
  bool ended_ = false;
};

}  // namespace tfe::http
