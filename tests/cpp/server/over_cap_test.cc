// What clients above max_connections get.
#include "server/over_cap.h"

#include <gtest/gtest.h>

#include <string>

#include "net/test_socket.h"
#include "server/http_server.h"
#include "server/protocol_chooser.h"

namespace tfe::server {
namespace {

using test::Client;
using test::eventually;

class CountingHandler final : public http::Handler {
 public:
  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead&,
                                                http::Exchange& exchange) override {
    struct Sink final : http::RequestSink {
      void on_body(base::Bytes) override {}
      void on_end() override {}
      void on_abort() override {}
    };
    exchange.respond({}, base::Chain::of("served"));
    return std::make_shared<Sink>();
  }
  void on_refused(const http::RefusedRequest& request) override {
    EXPECT_EQ(request.status, 429);
    EXPECT_TRUE(request.peer.starts_with("127.0.0.1:")) << request.peer;
    ++refused;
  }
  std::atomic<int> refused = 0;
};

class OverCapTest : public testing::Test {
 protected:
  OverCapTest() {
    options.listen.address = "127.0.0.1";
    options.max_connections = 1;
    options.refusal_allowance = 2;
  }
  void start(Protocols protocols) {
    ProtocolOptions protocol_options;
    protocol_options.protocols = protocols;
    server.emplace(options, make_protocol_factory(handler, std::move(protocol_options)));
    ASSERT_TRUE(server->start());
    served.emplace(server->port());
    ASSERT_TRUE(eventually([&] { return server->statistics().connections == 1; }));
  }
  void TearDown() override { server->stop(); }

  CountingHandler handler;
  ServerOptions options;
  std::optional<HttpServer> server;
  std::optional<Client> served;
};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(OverCapTest, AnswersTheFirstRequestAndCloses) {
  start(Protocols::kHttp1);
  Client client(server->port());
  ASSERT_TRUE(client.send(std::string(kGet) + std::string(kGet)));
  const std::string answer = client.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nRetry-After: 1\r\n"), std::string::npos);
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(answer.find("{\"error\":\"the server has reached its limit of connections "
                        "(max_connections); try again later\"}"),
            std::string::npos);
  EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "one answer only";
  EXPECT_EQ(handler.refused, 1);
  ASSERT_TRUE(served->send(kGet));
  EXPECT_EQ(served->line(), "HTTP/1.1 200 OK\r\n");
}

TEST_F(OverCapTest, AnswersARequestWithALargeBody) {
  start(Protocols::kBoth);
  Client client(server->port());
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n"));
  client.send(std::string(100'000, 'x'));
  EXPECT_EQ(client.line(), "HTTP/1.1 429 Too Many Requests\r\n");
}

TEST_F(OverCapTest, ClosesAtOnceAboveTheAllowance) {
  start(Protocols::kHttp1);
  Client a(server->port());
  Client b(server->port());
  ASSERT_TRUE(eventually([&] { return server->statistics().refused_answered_total == 2; }));
  Client c(server->port());
  EXPECT_EQ(c.rest(), "");
  const ServerStatistics statistics = server->statistics();
  EXPECT_EQ(statistics.accepted_total, 1U);
  EXPECT_EQ(statistics.refused_total, 3U);
  EXPECT_EQ(statistics.refused_answered_total, 2U);
}

TEST_F(OverCapTest, GivesAFreePlaceToTheNextWhileOthersAreRefused) {
  start(Protocols::kHttp1);
  Client refused(server->port());
  ASSERT_TRUE(eventually([&] { return server->statistics().connections == 2; }));
  served->close();
  ASSERT_TRUE(eventually([&] { return server->statistics().connections == 1; }));
  Client next(server->port());
  ASSERT_TRUE(next.send(kGet));
  EXPECT_EQ(next.line(), "HTTP/1.1 200 OK\r\n");
}

TEST_F(OverCapTest, SendsHttp2ClientsAway) {
  start(Protocols::kHttp2);
  Client client(server->port());
  const std::string settings("\0\0\0\4\0\0\0\0\0", 9);
  // :method GET, :scheme http, :path /, :authority x (RFC 7541, indexed and literal)
  const std::string block("\x82\x86\x84\x41\x01x", 6);
  const std::string headers = std::string("\0\0\6\1\5\0\0\0\1", 9) + block;
  ASSERT_TRUE(client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers));
  bool goaway = false;
  bool answered = false;
  std::string text;
  while (!goaway || !answered) {
    while (text.size() < 9) {
      const std::string more = client.read_some(4096);
      ASSERT_FALSE(more.empty());
      text += more;
    }
    const std::size_t size = static_cast<unsigned char>(text[2]) + 9U;
    while (text.size() < size) text += client.read_some(4096);
    goaway = goaway || text[3] == 7;
    answered = answered || text[3] == 1;
    text.erase(0, size);
  }
  EXPECT_EQ(handler.refused, 1);
}

TEST(OverCap, EndsAtItsOwnDeadline) {
  struct Strand final : http::Strand {
    void post(Task, Where) override {}
    TimerId run_at(base::TimePoint, Task) override { return 1; }
    void cancel_timer(TimerId) override {}
  };
  CountingHandler handler;
  const http1::ConnectionOptions options;
  const base::TimePoint now{};
  const auto protocol = make_refusal(handler, now, [&](http::Handler& refusing) {
    return std::make_unique<http1::Connection>(refusing, std::make_shared<Strand>(), options, now);
  });
  EXPECT_EQ(protocol->deadline(), now + kRefusalTimeout);
  protocol->on_deadline(now + kRefusalTimeout);
  EXPECT_TRUE(protocol->finished());
  EXPECT_TRUE(protocol->output(1).empty());
}

}  // namespace
}  // namespace tfe::server
