#include "http/access_log.h"

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "http/date.h"
#include "http/headers.h"
#include "http/interceptor.h"
#include "http/json_text.h"

namespace tfe::http {
namespace {

void append_text(std::string& line, std::string_view name, std::string_view value) {
  line += ",\"";
  line += name;
  line += "\":";
  append_json_string(line, value.substr(0, kMaxLoggedText));
}

void append_number(std::string& line, std::string_view name, std::uint64_t value) {
  line += ",\"";
  line += name;
  line += "\":";
  line += std::to_string(value);
}

std::string_view protocol_name(int version) {
  if (version == 10) return "HTTP/1.0";
  return version == 20 ? "HTTP/2" : "HTTP/1.1";
}

std::string begin_line() {
  std::string line;
  line.reserve(512);
  line += R"({"time":")";
  line += current_timestamp();
  line += '"';
  return line;
}

void append_request(std::string& line, std::string_view peer, std::string_view method,
                    std::string_view target, int version) {
  append_text(line, "peer", peer);
  append_text(line, "method", method);
  append_text(line, "path", target);
  append_text(line, "protocol", protocol_name(version));
}

struct Outcome {
  int status = 0;
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
  std::uint64_t duration_us = 0;
};

void append_outcome(std::string& line, const Outcome& outcome) {
  append_number(line, "status", static_cast<std::uint64_t>(outcome.status));
  append_number(line, "request_bytes", outcome.request_bytes);
  append_number(line, "response_bytes", outcome.response_bytes);
  append_number(line, "duration_us", outcome.duration_us);
}

// What is known of the client beyond its address, in the order of the line.
std::string client_text(std::span<const HeaderView> headers) {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view header) {
    if (const auto value = find_header(headers, header)) append_text(text, name, *value);
  };
  add("request_id", "x-request-id");
  add("traceparent", "traceparent");
  add("user_agent", "user-agent");
  return text;
}

}  // namespace

// One request. The parts of its line that come from the head are written at once, as the head is
// gone later.
class AccessLog::Entry final : public Interceptor {
 public:
  Entry(Exchange& outer, std::shared_ptr<const Write> write, const RequestHead& head)
      : Interceptor(outer),
        write_(std::move(write)),
        began_(base::Clock::now()),
        line_(begin_line()),
        client_(client_text(head.headers)) {
    append_request(line_, head.peer, head.method, head.target, head.version);
  }

 private:
  void request_body(base::Bytes piece) override { outcome_.request_bytes += piece.size(); }
  void response_head(ResponseHead& head) override { outcome_.status = head.status; }
  void response_body(base::Chain& piece) override { outcome_.response_bytes += piece.size(); }
  void ended(End how) override {
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(base::Clock::now() - began_);
    outcome_.duration_us = static_cast<std::uint64_t>(took.count());
    append_outcome(line_, outcome_);
    line_ += client_;
    line_ += how == End::kComplete ? R"(,"aborted":false})" : R"(,"aborted":true})";
    (*write_)(line_);
  }

  const std::shared_ptr<const Write> write_;
  const base::TimePoint began_;
  std::string line_;
  const std::string client_;
  Outcome outcome_;
};

AccessLog::AccessLog(std::shared_ptr<Handler> next, Write write)
    : next_(std::move(next)), write_(std::make_shared<const Write>(std::move(write))) {}

std::shared_ptr<RequestSink> AccessLog::on_request(const RequestHead& head, Exchange& exchange) {
  return Interceptor::run(std::make_shared<Entry>(exchange, write_, head), *next_, head);
}

void AccessLog::on_refused(const RefusedRequest& request) {
  std::string line = begin_line();
  append_request(line, request.peer, request.method, request.target, request.version);
  append_outcome(line, {.status = request.status});
  line += R"(,"aborted":false})";
  (*write_)(line);
  next_->on_refused(request);
}

std::string AccessLog::dropped_line(std::uint64_t count) {
  std::string line = begin_line();
  append_number(line, "dropped_lines", count);
  line += '}';
  return line;
}

}  // namespace tfe::http
