// A protocol's side of one request, for tests of handlers that stand before others: an Exchange
// that records what comes, and drops its sink like a protocol when the response has ended.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/exchange.h"
#include "http/headers.h"

namespace tfe::http {

class RecordingExchange final : public Exchange {
 public:
  const std::shared_ptr<Strand>& strand() override { return strand_; }
  bool hand_over() override {
    if (takers == 0) return false;
    --takers;
    end("hand_over");
    return true;
  }
  void send_continue() override { ++continues; }
  void pause_body() override { ++pauses; }
  void resume_body() override { --pauses; }
  void respond(ResponseHead response, base::Chain piece) override {
    start(std::move(response));
    write(std::move(piece));
    end("respond");
  }
  void start(ResponseHead response) override { head = std::move(response); }
  void write(base::Chain piece) override { body += piece.to_string(); }
  void finish(Trailers with) override {
    trailers = std::move(with);
    end("finish");
  }
  void abort(AbortReason) override { end("abort"); }
  std::size_t unsent() const override { return 77; }

  // Gives the request to `handler` as a protocol does.
  void run(Handler& handler, const RequestHead& request) {
    auto made = handler.on_request(request, *this);
    if (ending.empty()) sink = std::move(made);
  }
  std::string header(std::string_view name) const {
    std::string value = "(none)";
    for (const Header& field : head.headers) {
      if (field.name == name) value = field.value;
    }
    return value;
  }

  std::shared_ptr<RequestSink> sink;
  ResponseHead head{.status = 0, .headers = {}};
  std::string body;
  Trailers trailers;
  std::string ending;  // what ended the response
  int takers = 0;      // so many are handed over
  int continues = 0;
  int pauses = 0;

 private:
  void end(std::string how) {
    ending = std::move(how);
    sink.reset();
  }
  std::shared_ptr<Strand> strand_;
};

// Counts what it gets; the exchange is left to the test.
struct CountingSink final : RequestSink {
  explicit CountingSink(Exchange& to) : exchange(to) {}
  base::MutableBytes body_buffer(std::size_t wanted) override {
    buffer.resize(wanted);
    return buffer;
  }
  void on_body(base::Bytes piece) override { body += base::as_text(piece); }
  void on_end() override { ++ends; }
  void on_abort() override { ++aborts; }
  void on_writable() override { ++writables; }
  void on_drain() override { ++drains; }

  Exchange& exchange;
  std::vector<std::byte> buffer;
  std::string body;
  int ends = 0;
  int aborts = 0;
  int writables = 0;
  int drains = 0;
};

class CountingHandler final : public Handler {
 public:
  std::shared_ptr<RequestSink> on_request(const RequestHead& request, Exchange& exchange) override {
    ++requests;
    last_target = request.target;
    auto made = std::make_shared<CountingSink>(exchange);
    sink = made;
    last = made.get();
    if (at_once) at_once(exchange);
    return made;
  }
  void on_refused(const RefusedRequest&) override { ++refused; }

  std::function<void(Exchange&)> at_once;
  std::weak_ptr<CountingSink> sink;
  CountingSink* last = nullptr;
  std::string last_target;
  int requests = 0;
  int refused = 0;
};

}  // namespace tfe::http
