// Calls and the router over a recorded exchange.
#include <gtest/gtest.h>

#include "grpc/fake_exchange.h"
#include "grpc/router.h"

namespace tfe::grpc {
namespace {

using testing::FakeExchange;

const std::string kEmptyMessage(5, '\0');

// What a handler saw.
struct Log {
  std::vector<std::string> messages;
  int half_closes = 0;
  int cancels = 0;
  bool alive = false;
};

class LoggingHandler final : public CallHandler {
 public:
  LoggingHandler(std::shared_ptr<Call> call, std::shared_ptr<Log> log)
      : call_(std::move(call)), log_(std::move(log)) {
    log_->alive = true;
  }
  ~LoggingHandler() override { log_->alive = false; }
  void on_message(Message message) override {
    log_->messages.emplace_back(base::as_text(message.bytes));
    if (log_->messages.back() == "finish") call_->finish({Code::kAborted, "as asked"});
    if (log_->messages.back() == "reply") call_->reply(base::Chain::of("answer"));
    if (log_->messages.back() == "send") call_->send(base::Chain::of("part"));
  }
  void on_half_close() override {
    ++log_->half_closes;
    call_->finish({});
  }
  void on_cancel() override { ++log_->cancels; }

 private:
  std::shared_ptr<Call> call_;
  std::shared_ptr<Log> log_;
};

class EchoHandler final : public UnaryHandler {
 public:
  using UnaryHandler::UnaryHandler;

 private:
  void on_request(Message message) override {
    call().reply(base::Chain::of(std::string(base::as_text(message.bytes))));
  }
};

class GrpcCall : public ::testing::Test {
 protected:
  GrpcCall() : router_(options()) {
    router_.add("/s/Log", [this](const std::shared_ptr<Call>& call, const Metadata&) {
      return std::make_shared<LoggingHandler>(call, log_);
    });
    router_.add("/s/Echo", [](const std::shared_ptr<Call>& call, const Metadata&) {
      return std::make_shared<EchoHandler>(call);
    });
  }

  RouterOptions options() {
    RouterOptions options;
    options.max_message_size = 1'000;
    options.max_calls = 3;
    options.now = [this] { return now_; };
    return options;
  }

  std::shared_ptr<http::RequestSink> open(std::string_view path,
                                          std::vector<http::HeaderView> headers = {},
                                          std::string_view method = "POST") {
    http::RequestHead head;
    head.method = method;
    head.target = path;
    head.headers = headers;
    return router_.on_request(head, exchange_);
  }

  static void send(http::RequestSink& sink, std::string message, char flag = 0) {
    std::string bytes = frame_message(base::Chain::of(std::move(message))).to_string();
    bytes[0] = flag;
    sink.on_body(base::as_bytes(bytes));
  }

  void expect_trailers_only(int status, std::string_view message) {
    EXPECT_TRUE(exchange_.whole);
    EXPECT_EQ(exchange_.finishes, 1);
    EXPECT_EQ(exchange_.body, "");
    EXPECT_EQ(exchange_.value("content-type"), "application/grpc");
    EXPECT_EQ(exchange_.value("grpc-status"), std::to_string(status));
    EXPECT_EQ(exchange_.value("grpc-message"), message);
  }

  base::TimePoint now_{std::chrono::hours(1)};
  std::shared_ptr<Log> log_ = std::make_shared<Log>();
  FakeExchange exchange_;
  Router router_;
};

TEST_F(GrpcCall, AnswersAUnaryCall) {
  const auto sink = open("/s/Echo");
  send(*sink, "hello");
  EXPECT_EQ(exchange_.head->status, 200);
  EXPECT_EQ(exchange_.value("content-type"), "application/grpc");
  EXPECT_EQ(exchange_.body, std::string("\0\0\0\0\5hello", 10));
  EXPECT_EQ(exchange_.trailers.size(), 1u);
  EXPECT_EQ(exchange_.value("grpc-status"), "0");
  sink->on_end();
  EXPECT_EQ(exchange_.finishes, 1);
}

TEST_F(GrpcCall, IgnoresASecondMessageOfAUnaryCall) {
  const auto sink = open("/s/Echo");
  const std::string two = std::string("\0\0\0\0\1a", 6) + std::string("\0\0\0\0\1b", 6);
  sink->on_body(base::as_bytes(two));
  EXPECT_EQ(exchange_.body, std::string("\0\0\0\0\1a", 6));
  EXPECT_EQ(exchange_.finishes, 1);
}

TEST_F(GrpcCall, RefusesAUnaryCallWithoutMessage) {
  open("/s/Echo")->on_end();
  expect_trailers_only(13, "Unable to parse request");
}

TEST_F(GrpcCall, RefusesATruncatedMessage) {
  const auto sink = open("/s/Log");
  sink->on_body(base::as_bytes(std::string_view("\0\0\0\0\5he", 7)));
  sink->on_end();
  expect_trailers_only(13, "Unable to parse request");
  EXPECT_EQ(log_->cancels, 1);
}

TEST_F(GrpcCall, StreamsMessagesAndThenAStatus) {
  const auto sink = open("/s/Log");
  send(*sink, "send");
  send(*sink, "send");
  sink->on_end();
  EXPECT_EQ(exchange_.body, std::string("\0\0\0\0\4part\0\0\0\0\4part", 18));
  EXPECT_EQ(exchange_.value("grpc-status"), "0");
  EXPECT_FALSE(exchange_.whole);
}

TEST_F(GrpcCall, EndsWithTheHandlersStatus) {
  const auto sink = open("/s/Log");
  send(*sink, "finish");
  expect_trailers_only(10, "as asked");
  EXPECT_FALSE(log_->alive);
  sink->on_end();
  sink->on_abort();
  EXPECT_EQ(log_->half_closes + log_->cancels, 0);
}

TEST_F(GrpcCall, CancelsWhenTheClientIsGone) {
  const auto sink = open("/s/Log");
  send(*sink, "x");
  sink->on_abort();
  EXPECT_EQ(log_->cancels, 1);
  EXPECT_FALSE(log_->alive);
  EXPECT_EQ(exchange_.finishes, 0);
}

TEST_F(GrpcCall, IsCancelledWhenTheServerStops) {
  const auto sink = open("/s/Log");
  send(*sink, "x");
  sink->on_shutdown();
  expect_trailers_only(1, "CANCELLED");
  EXPECT_EQ(log_->cancels, 1);
  sink->on_shutdown();
  EXPECT_EQ(exchange_.finishes, 1);
}

TEST_F(GrpcCall, EndsAtItsDeadline) {
  const auto sink = open("/s/Log", {{"grpc-timeout", "5S"}});
  send(*sink, "x");
  exchange_.fake_strand().run_timers(now_ + std::chrono::milliseconds(4'999));
  EXPECT_EQ(exchange_.finishes, 0);
  exchange_.fake_strand().run_timers(now_ + std::chrono::seconds(5));
  expect_trailers_only(4, "Deadline Exceeded");
  EXPECT_EQ(log_->cancels, 1);
}

TEST_F(GrpcCall, PutsTheDeadlineInTrailersOnceMessagesWereSent) {
  const auto sink = open("/s/Log", {{"grpc-timeout", "5S"}});
  send(*sink, "send");
  exchange_.fake_strand().run_timers(now_ + std::chrono::seconds(5));
  EXPECT_FALSE(exchange_.whole);
  EXPECT_EQ(exchange_.value("grpc-status"), "4");
}

TEST_F(GrpcCall, ForgetsItsDeadlineWhenItEnds) {
  send(*open("/s/Log", {{"grpc-timeout", "5S"}}), "finish");
  EXPECT_EQ(exchange_.fake_strand().timer_count(), 0u);
}

TEST_F(GrpcCall, RefusesADeadlineThatHasPassed) {
  open("/s/Log", {{"grpc-timeout", "0n"}});
  expect_trailers_only(4, "Deadline Exceeded");
}

TEST_F(GrpcCall, RefusesABrokenDeadline) {
  open("/s/Log", {{"grpc-timeout", "5x"}});
  expect_trailers_only(13, "Error parsing 'grpc-timeout' metadata");
}

TEST_F(GrpcCall, RefusesCompressionItDoesNotKnow) {
  send(*open("/s/Log", {{"grpc-encoding", "snappy"}}), "x", 1);
  EXPECT_EQ(exchange_.value("grpc-status"), "12");
  EXPECT_EQ(exchange_.value("grpc-accept-encoding"), "identity, deflate, gzip");
  EXPECT_EQ(log_->cancels, 1);
  EXPECT_TRUE(log_->messages.empty());
}

TEST_F(GrpcCall, TakesPlainMessagesWhateverEncodingIsNamed) {
  send(*open("/s/Echo", {{"grpc-encoding", "snappy"}}), "x");
  EXPECT_EQ(exchange_.value("grpc-status"), "0");
}

TEST_F(GrpcCall, RefusesTheFlagWithoutAnEncoding) {
  send(*open("/s/Log"), "x", 1);
  expect_trailers_only(13, "Compression bit set but no encoding configured");
}

TEST_F(GrpcCall, RefusesMessagesAboveTheLimit) {
  const auto sink = open("/s/Log");
  sink->on_body(base::as_bytes(std::string_view("\0\0\0\x10\0", 5)));
  expect_trailers_only(8, "SERVER: Received message larger than max (4096 vs. 1000)");
}

TEST_F(GrpcCall, BoundsTheNumberOfCalls) {
  std::vector<std::shared_ptr<http::RequestSink>> held;
  for (int i = 0; i < 3; ++i) held.push_back(open("/s/Log"));
  open("/s/Log");
  EXPECT_EQ(exchange_.value("grpc-status"), "8");
  for (const auto& sink : held) sink->on_abort();
  held.clear();
  EXPECT_EQ(router_.calls(), 0u);
}

TEST_F(GrpcCall, RefusesUnknownMethods) {
  for (const char* path : {"/s/Nope", "/s/echo", "/s/Echo/", "s/Echo", "/s/Echo?x=1", ""}) {
    FakeExchange exchange;
    http::RequestHead head;
    head.method = "POST";
    head.target = path;
    router_.on_request(head, exchange);
    EXPECT_EQ(exchange.value("grpc-status"), "12") << path;
    EXPECT_EQ(exchange.head->status, 200);
  }
}

TEST_F(GrpcCall, RefusesOtherMethodsAndContentTypes) {
  open("/s/Echo", {}, "GET");
  EXPECT_EQ(exchange_.head->status, 405);
  EXPECT_EQ(exchange_.value("grpc-status"), "12");
  for (const char* type : {"application/json", "application/grpc-web", "application/grpcx", ""}) {
    open("/s/Echo", {{"content-type", type}});
    EXPECT_EQ(exchange_.head->status, 415) << type;
    EXPECT_EQ(exchange_.value("grpc-status"), "3");
  }
}

TEST_F(GrpcCall, TakesTheContentTypesOfClients) {
  for (const char* type :
       {"application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"}) {
    FakeExchange exchange;
    http::RequestHead head;
    head.method = "POST";
    head.target = "/s/Echo";
    const std::vector<http::HeaderView> headers{{"content-type", type}};
    head.headers = headers;
    const auto sink = router_.on_request(head, exchange);
    send(*sink, "x");
    EXPECT_EQ(exchange.value("grpc-status"), "0") << type;
  }
}

TEST_F(GrpcCall, ExplainsHeadersThatAreTooLarge) {
  const auto head = router_.on_headers_too_large(20'524, 16'384);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers[1].value, "8");
  EXPECT_EQ(head.headers[2].value, "received metadata size exceeds hard limit (20524 vs. 16384)");
}

}  // namespace
}  // namespace tfe::grpc
