#include "server/over_cap.h"

#include <algorithm>
#include <utility>

namespace tfe::server {
namespace {

constexpr std::string_view kBody =
    R"({"error":"the server has reached its limit of connections (max_connections); try again)"
    R"( later"})";

struct IgnoringSink final : http::RequestSink {
  void on_body(base::Bytes) override {}
  void on_end() override {}
  void on_abort() override {}
};

class RefusingHandler final : public http::Handler {
 public:
  explicit RefusingHandler(http::Handler& listener) : listener_(listener) {}

  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override {
    listener_.on_refused({.peer = head.peer,
                          .method = head.method,
                          .target = head.target,
                          .version = head.version,
                          .status = 429});
    exchange.respond(
        {.status = 429, .headers = {{"content-type", "application/json"}, {"retry-after", "1"}}},
        base::Chain::of(std::string(kBody)));
    answered_ = true;
    return std::make_shared<IgnoringSink>();
  }
  void on_refused(const http::RefusedRequest& request) override { listener_.on_refused(request); }

  bool answered() const { return answered_; }

 private:
  http::Handler& listener_;
  bool answered_ = false;
};

class Refusal final : public http::Protocol {
 public:
  Refusal(http::Handler& handler, base::TimePoint deadline)
      : handler_(handler), deadline_(deadline) {}
  http::Handler& handler() { return handler_; }
  void speak(std::unique_ptr<http::Protocol> protocol) { protocol_ = std::move(protocol); }

  base::MutableBytes receive_buffer() override { return protocol_->receive_buffer(); }
  void received(std::size_t count, base::TimePoint now) override {
    protocol_->received(count, now);
    if (handler_.answered() && !std::exchange(draining_, true)) protocol_->drain(now);
  }
  void received_eof(base::TimePoint now) override { protocol_->received_eof(now); }
  bool wants_read() const override { return protocol_->wants_read(); }
  base::Chain& output(std::size_t budget) override { return protocol_->output(budget); }
  void sent(base::TimePoint now) override { protocol_->sent(now); }
  bool finished() const override { return protocol_->finished(); }
  bool idle() const override { return protocol_->idle(); }
  std::size_t in_flight() const override { return protocol_->in_flight(); }
  void drain(base::TimePoint now) override {
    draining_ = true;
    protocol_->drain(now);
  }
  void abort() override { protocol_->abort(); }
  std::optional<base::TimePoint> deadline() const override {
    return std::min(protocol_->deadline().value_or(deadline_), deadline_);
  }
  void on_deadline(base::TimePoint now) override {
    if (now < deadline_) return protocol_->on_deadline(now);
    // Called again and again, were it to stay due.
    deadline_ = base::TimePoint::max();
    protocol_->abort();
  }

 private:
  RefusingHandler handler_;
  base::TimePoint deadline_;
  bool draining_ = false;
  std::unique_ptr<http::Protocol> protocol_;  // goes first: it refers to the handler
};

}  // namespace

std::unique_ptr<http::Protocol> make_refusal(
    http::Handler& handler, base::TimePoint now,
    const std::function<std::unique_ptr<http::Protocol>(http::Handler&)>& make) {
  auto refusal = std::make_unique<Refusal>(handler, now + kRefusalTimeout);
  refusal->speak(make(refusal->handler()));
  return refusal;
}

}  // namespace tfe::server
