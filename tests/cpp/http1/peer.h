// A scripted client for http1::Connection: feeds bytes in pieces, collects what is sent, and offers
// a handler whose behaviour the path selects. No socket, no thread, a clock that stands still
// unless moved.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange.h"
#include "http1/connection.h"

namespace tfe::http1 {

class FakeStrand final : public http::Strand {
 public:
  void post(Task task, Where) override { tasks.push_back(std::move(task)); }
  TimerId run_at(base::TimePoint, Task) override { return 1; }
  void cancel_timer(TimerId) override {}

  std::vector<Task> tasks;
};

// What a handler saw of one request.
struct Seen {
  std::string method;
  std::string target;
  std::string authority;
  std::string peer;
  std::string scheme;
  int version = 0;
  std::int64_t content_length = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::size_t direct_bytes = 0;  // landed in the sink's own buffer
  bool ended = false;
  bool aborted = false;
  int writable = 0;
  int drains = 0;
  base::TimePoint received_at;
  http::Exchange* exchange = nullptr;
};

class ScriptedSink final : public http::RequestSink {
 public:
  ScriptedSink(Seen& seen, bool answers, bool direct)
      : seen_(seen), answers_(answers), direct_(direct) {}

  base::MutableBytes body_buffer(std::size_t wanted) override {
    if (!direct_) return {};
    buffer_.resize(std::max(buffer_.size(), wanted));
    return {reinterpret_cast<std::byte*>(buffer_.data()), wanted};
  }
  void on_body(base::Bytes piece) override {
    if (!buffer_.empty() && reinterpret_cast<const char*>(piece.data()) == buffer_.data()) {
      seen_.direct_bytes += piece.size();
    }
    seen_.body += base::as_text(piece);
  }
  void on_end() override {
    seen_.ended = true;
    if (answers_) seen_.exchange->respond({}, base::Chain::of(seen_.body));
  }
  void on_abort() override { seen_.aborted = true; }
  void on_writable() override { ++seen_.writable; }
  void on_drain() override { ++seen_.drains; }

 private:
  Seen& seen_;
  bool answers_;
  bool direct_;
  std::string buffer_;
};

// /away hands over or refuses, /now answers at once, /echo answers with the body, /direct the same
// through its own buffer, /wait asks for the body (100-continue) like /echo, anything else is left
// to the test.
class ScriptedHandler final : public http::Handler {
 public:
  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override {
    Seen& seen = *requests.emplace_back(std::make_unique<Seen>());
    seen.method = head.method;
    seen.target = head.target;
    seen.authority = head.authority;
    seen.version = head.version;
    seen.peer = head.peer;
    seen.scheme = head.scheme;
    seen.content_length = head.content_length;
    for (const auto& [name, value] : head.headers) seen.headers.emplace_back(name, value);
    seen.received_at = head.received_at;
    seen.exchange = &exchange;
    if (head.target == "/away" && !exchange.hand_over()) {
      exchange.respond({.status = 503, .headers = {}}, {});
    }
    if (head.target == "/now") exchange.respond({}, base::Chain::of("now"));
    if (head.target == "/wait") exchange.send_continue();
    const bool direct = head.target == "/direct";
    const bool answers = direct || head.target == "/echo" || head.target == "/wait";
    return std::make_shared<ScriptedSink>(seen, answers, direct);
  }

  void on_refused(const http::RefusedRequest& request) override {
    refused.push_back(std::string(request.peer) + " " + std::string(request.method) + " " +
                      std::string(request.target) + " " + std::to_string(request.status));
  }

  std::vector<std::unique_ptr<Seen>> requests;
  std::vector<std::string> refused;
};

inline std::string_view fixed_date() { return "Sun, 06 Nov 1994 08:49:37 GMT"; }

class Peer {
 public:
  explicit Peer(Limits limits = {}) {
    options.limits = limits;
    options.date = fixed_date;
    const auto hand_over = [this](base::Bytes bytes) {
      if (others == http::HandedOver::kGone) handed_over.emplace_back(base::as_text(bytes));
      return others;
    };
    connection = std::make_unique<Connection>(handler, strand, options, now,
                                              Client{"10.0.0.1:5", "https", hand_over});
  }

  // Sends `bytes` at most `piece` at a time; stops where the connection does not read.
  void send(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    while (!bytes.empty() && connection->wants_read()) {
      const base::MutableBytes buffer = connection->receive_buffer();
      const std::size_t count = std::min({bytes.size(), piece, buffer.size()});
      std::memcpy(buffer.data(), bytes.data(), count);
      bytes.remove_prefix(count);
      connection->received(count, now);
      if (drains) take();
    }
    unread = bytes;
  }

  // Reads everything that is to be sent.
  std::string take() {
    base::Chain& out = connection->output(SIZE_MAX);
    const std::string text = out.to_string();
    out.consume(out.size());
    connection->sent(now);
    received += text;
    return text;
  }

  Seen& request(std::size_t index) { return *handler.requests.at(index); }

  ConnectionOptions options;
  ScriptedHandler handler;
  std::shared_ptr<FakeStrand> strand = std::make_shared<FakeStrand>();
  base::TimePoint now{};
  std::unique_ptr<Connection> connection;
  bool drains = true;
  http::HandedOver others = http::HandedOver::kNobody;
  std::vector<std::string> handed_over;
  std::string received;
  std::string_view unread;
};

// A complete answer with the fixed date.
inline std::string answer_text(std::string_view status, std::string_view body,
                               std::string_view extra = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n" +
         std::string(extra) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

}  // namespace tfe::http1
