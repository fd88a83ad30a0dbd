// A connection under test with its peer, a recording handler, and a clock that the test moves.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http2/connection.h"
#include "http2/fake_strand.h"
#include "http2/peer.h"

namespace tfe::testing {

// What a request's sink saw, and its exchange while that is valid.
struct Seen {
  http::Exchange* exchange = nullptr;
  std::string method, target, authority;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int ends = 0;
  int aborts = 0;
  int writables = 0;
  int drains = 0;
  base::TimePoint received_at;
};

class RecordingHandler final : public http::Handler {
 public:
  // Called with each new request; may answer at once.
  std::function<void(Seen&)> on_open = [](Seen&) {};
  // Called at the end of each request.
  std::function<void(Seen&)> on_complete = [](Seen&) {};
  // Called when the connection begins to drain.
  std::function<void(Seen&)> on_drain = [](Seen&) {};
  std::function<void(Seen&)> on_shutdown = [](Seen&) {};
  std::vector<std::shared_ptr<Seen>> requests;
  // Sinks that something else still holds, as an inference does that cannot be stopped.
  std::vector<std::shared_ptr<http::RequestSink>> kept;
  bool keep_sinks = false;
  // "<method> <target> <status>" of each request that ended before it began.
  std::vector<std::string> refused;

  void on_refused(const http::RefusedRequest& request) override {
    refused.push_back(std::string(request.method) + " " + std::string(request.target) + " " +
                      std::to_string(request.status));
  }
  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override {
    auto seen = std::make_shared<Seen>();
    seen->exchange = &exchange;
    seen->method = head.method;
    seen->target = head.target;
    seen->authority = head.authority;
    seen->received_at = head.received_at;
    for (const auto& header : head.headers) seen->headers.emplace_back(header.name, header.value);
    requests.push_back(seen);
    auto sink = std::make_shared<Sink>(*this, seen);
    if (keep_sinks) kept.push_back(sink);
    on_open(*seen);
    return sink;
  }

 private:
  class Sink final : public http::RequestSink {
   public:
    Sink(RecordingHandler& handler, std::shared_ptr<Seen> seen)
        : handler_(handler), seen_(std::move(seen)) {}
    void on_body(base::Bytes piece) override { seen_->body.append(base::as_text(piece)); }
    void on_end() override {
      ++seen_->ends;
      handler_.on_complete(*seen_);
    }
    void on_abort() override {
      ++seen_->aborts;
      seen_->exchange = nullptr;
    }
    void on_writable() override { ++seen_->writables; }
    void on_drain() override {
      ++seen_->drains;
      handler_.on_drain(*seen_);
    }
    void on_shutdown() override { handler_.on_shutdown(*seen_); }

   private:
    RecordingHandler& handler_;
    std::shared_ptr<Seen> seen_;
  };
};

class Rig {
 public:
  explicit Rig(http2::Options options = {}, Peer::Options peer_options = {})
      : peer(std::move(peer_options)), connection(handler, strand, options, now) {}

  // Bytes to the connection in pieces of at most `piece`.
  void deliver(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    while (!bytes.empty() && connection.wants_read()) {
      const base::MutableBytes room = connection.receive_buffer();
      const std::size_t count = std::min({bytes.size(), room.size(), piece});
      std::memcpy(room.data(), bytes.data(), count);
      bytes.remove_prefix(count);
      connection.received(count, now);
      strand->run();
    }
  }
  std::string take_output(std::size_t budget = 1U << 20) {
    std::string all;
    for (;;) {
      base::Chain& chain = connection.output(budget);
      if (chain.empty()) return all;
      all += chain.to_string();
      chain.consume(chain.size());
      connection.sent(now);
      strand->run();
    }
  }
  // Both sides talk until neither has anything to say.
  void talk(std::size_t piece = SIZE_MAX) {
    for (;;) {
      const std::string out = peer.take_output();
      deliver(out, piece);
      const std::string back = take_output();
      EXPECT_TRUE(peer.feed(back));
      if (out.empty() && back.empty()) return;
    }
  }
  Seen& request(std::size_t index) { return *handler.requests.at(index); }

  base::TimePoint now{std::chrono::hours(1)};
  std::shared_ptr<FakeStrand> strand = std::make_shared<FakeStrand>();
  RecordingHandler handler;
  Peer peer;
  http2::Connection connection;
};

inline void answer(http::Exchange& exchange, std::string body) {
  exchange.start({.status = 200, .headers = {{"content-type", "t"}}});
  exchange.write(base::Chain::of(std::move(body)));
  exchange.finish({{"grpc-status", "0"}});
}

}  // namespace tfe::testing
