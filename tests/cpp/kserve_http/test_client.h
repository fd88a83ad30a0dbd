// Calls an http::Handler without a protocol: one exchange per call, a strand that the test's own
// thread runs while it waits for the answer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "http/exchange.h"
#include "http/headers.h"

namespace tfe::kserve_http {

// Tasks wait for run_one(), whichever thread posts them.
class TestStrand final : public http::Strand {
 public:
  void post(Task task, Where) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    posted_.notify_all();
  }
  TimerId run_at(base::TimePoint, Task) override { return 1; }
  void cancel_timer(TimerId) override {}

  // Runs the next task, waiting for it if need be.
  void run_one() {
    if (!run_within(std::chrono::seconds(30))) throw std::runtime_error("nothing was posted");
  }

  // Whether a task came in time and was run.
  bool run_within(std::chrono::milliseconds patience) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      if (!posted_.wait_for(lock, patience, [&] { return !tasks_.empty(); })) return false;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<Task> tasks_;
};

struct TestResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (http::iequals(key, name)) return value;
    }
    return "";
  }
};

class TestExchange final : public http::Exchange {
 public:
  const std::shared_ptr<http::Strand>& strand() override { return strand_; }
  void send_continue() override { continued = true; }
  void pause_body() override {}
  void resume_body() override {}
  void respond(http::ResponseHead head, base::Chain body) override {
    if (response) throw std::runtime_error("two responses");
    response.emplace();
    response->status = head.status;
    for (auto& [name, value] : head.headers) response->headers.emplace_back(name, value);
    response->body = body.to_string();
  }
  void start(http::ResponseHead head) override {
    if (response || streamed) throw std::runtime_error("two responses");
    streamed.emplace();
    streamed->status = head.status;
    for (auto& [name, value] : head.headers) streamed->headers.emplace_back(name, value);
  }
  void write(base::Chain piece) override {
    pieces.push_back(piece.to_string());
    streamed->body += pieces.back();
    unsent_bytes += client_reads ? 0 : piece.size();
  }
  void finish(http::Trailers) override { response = std::move(streamed); }
  void abort(http::AbortReason) override {}
  std::size_t unsent() const override { return unsent_bytes; }

  TestStrand& test_strand() { return *static_cast<TestStrand*>(strand_.get()); }

  bool continued = false;
  std::optional<TestResponse> response;
  // A streamed response until it is finished, and what came at a time.
  std::optional<TestResponse> streamed;
  std::vector<std::string> pieces;
  bool client_reads = true;
  std::size_t unsent_bytes = 0;

 private:
  std::shared_ptr<http::Strand> strand_ = std::make_shared<TestStrand>();
};

struct TestRequest {
  std::string method = "GET";
  std::string target;
  std::string body = {};
  std::vector<http::HeaderView> headers = {};
  bool announce_length = true;  // false: as with a chunked body
};

// A request that has been received in full and may not be answered yet.
class TestCall {
 public:
  TestCall(http::Handler& handler, const TestRequest& request) {
    http::RequestHead head;
    head.method = request.method;
    head.target = request.target;
    head.scheme = "http";
    head.headers = request.headers;
    head.has_body = !request.body.empty();
    if (head.has_body && request.announce_length) {
      head.content_length = static_cast<std::int64_t>(request.body.size());
    }
    sink = handler.on_request(head, exchange);
    send_body(request.body);
    if (!exchange.response) sink->on_end();
  }
  TestCall(const TestCall&) = delete;
  TestCall& operator=(const TestCall&) = delete;
  // What is posted to a connection runs, also when its client has gone.
  ~TestCall() {
    while (exchange.test_strand().run_within({})) {
    }
  }

  TestResponse wait() {
    while (!exchange.response) exchange.test_strand().run_one();
    return *exchange.response;
  }

  TestExchange exchange;
  std::shared_ptr<http::RequestSink> sink;

 private:
  // The first bytes come as they lie with the head, the rest into the sink's buffer if it has one.
  void send_body(std::string_view body) {
    const std::string_view first = body.substr(0, 10);
    if (!first.empty() && !exchange.response) sink->on_body(base::as_bytes(first));
    body.remove_prefix(first.size());
    while (!body.empty() && !exchange.response) {
      base::MutableBytes room = sink->body_buffer(body.size());
      base::Bytes piece = base::as_bytes(body);
      if (!room.empty()) {
        std::memcpy(room.data(), body.data(), room.size());
        piece = room;
      }
      body.remove_prefix(piece.size());
      sink->on_body(piece);
    }
  }
};

// Lets a client go whose request is in work, then runs what is posted to its connection until
// nobody holds the request any more. False if somebody still does after a long time.
inline bool leave(std::unique_ptr<TestCall> call) {
  const auto strand = call->exchange.strand();
  const std::weak_ptr<http::RequestSink> sink = call->sink;
  call->sink->on_abort();
  call.reset();
  for (int rounds = 0; !sink.expired() && rounds < 3000; ++rounds) {
    static_cast<TestStrand&>(*strand).run_within(std::chrono::milliseconds(10));
  }
  return sink.expired();
}

inline TestResponse call(http::Handler& handler, const TestRequest& request) {
  return TestCall(handler, request).wait();
}

}  // namespace tfe::kserve_http
