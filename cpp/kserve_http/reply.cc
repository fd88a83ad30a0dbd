#include "kserve_http/reply.h"

#include <utility>

#include "codec/json_writer.h"

namespace tfe::kserve_http {
namespace {

// The protocol skips the body of an answered request, so nothing is ever called.
class AnsweredSink final : public http::RequestSink {
 public:
  void on_body(base::Bytes) override {}
  void on_end() override {}
  void on_abort() override {}
};

Reply make_reply(int status, std::string_view content_type, std::string body) {
  Reply reply;
  reply.head.status = status;
  reply.head.headers.push_back({"content-type", std::string(content_type)});
  reply.body = base::Chain::of(std::move(body));
  return reply;
}

}  // namespace

int http_status(base::Code code) {
  switch (code) {
    case base::Code::kInternal:
      return 500;
    case base::Code::kNotFound:
      return 404;
    case base::Code::kUnavailable:
    case base::Code::kElsewhere:
      return 503;
    case base::Code::kUnsupported:
      return 501;
    case base::Code::kResourceExhausted:
      return 429;
    case base::Code::kDeadlineExceeded:
      return 504;
    case base::Code::kPermissionDenied:
      return 403;
    case base::Code::kUnknown:
    case base::Code::kInvalidArgument:
    case base::Code::kAlreadyExists:
    case base::Code::kCancelled:
      return 400;
  }
  return 400;
}

Reply error_reply(const base::Error& error) {
  Reply reply = make_reply(http_status(error.code), kJson, codec::json_error(error.message));
  // What is exhausted are places in a queue, which free up as fast as requests are answered. What
  // is to be had elsewhere is there now, and HTTP has no number below 1 for that.
  const bool elsewhere = error.code == base::Code::kElsewhere;
  if (elsewhere || error.code == base::Code::kResourceExhausted) {
    reply.head.headers.push_back({"retry-after", "1"});
  }
  // The client's next connection need not come here.
  reply.head.last = elsewhere;
  return reply;
}

Reply method_not_allowed(std::string_view allow) {
  Reply reply = make_reply(405, kJson, codec::json_error("Method Not Allowed"));
  reply.head.headers.push_back({"allow", std::string(allow)});
  return reply;
}

Reply not_found() { return make_reply(404, kJson, codec::json_error("Not Found")); }

Reply text_reply(std::string body, std::string_view content_type) {
  return make_reply(200, content_type, std::move(body));
}

Reply empty_reply(int status, std::string_view content_type) {
  return make_reply(status, content_type, {});
}

Reply json_reply(base::Result<std::string> result) {
  if (!result) return error_reply(result.error());
  return make_reply(200, kJson, *std::move(result));
}

void send(http::Exchange& exchange, Reply reply) {
  exchange.respond(std::move(reply.head), std::move(reply.body));
}

std::shared_ptr<http::RequestSink> no_sink() {
  static const auto sink = std::make_shared<AnsweredSink>();
  return sink;
}

std::shared_ptr<http::RequestSink> answer(http::Exchange& exchange, Reply reply) {
  send(exchange, std::move(reply));
  return no_sink();
}

}  // namespace tfe::kserve_http
