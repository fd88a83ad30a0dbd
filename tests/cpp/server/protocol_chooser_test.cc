#include "server/protocol_chooser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "net/test_socket.h"
#include "server/http_server.h"

namespace tfe::server {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const base::TimePoint kDeadline{1h};
const base::TimePoint kNow{};

// Remembers what it was made for and what it received.
class Recorder final : public http::Protocol {
 public:
  struct Log {
    std::string made;
    std::string received;
    int drained = 0;
    int aborted = 0;
    int eofs = 0;
    int deadlines = 0;
  };
  Recorder(Log& log, std::string_view name, std::size_t room) : log_(log), buffer_(room, '\0') {
    log_.made += name;
  }
  base::MutableBytes receive_buffer() override {
    return std::as_writable_bytes(std::span(buffer_));
  }
  void received(std::size_t count, base::TimePoint) override {
    log_.received += buffer_.substr(0, count);
  }
  void received_eof(base::TimePoint) override { ++log_.eofs; }
  bool wants_read() const override { return true; }
  base::Chain& output(std::size_t) override { return output_; }
  void sent(base::TimePoint) override {}
  bool finished() const override { return false; }
  bool idle() const override { return false; }
  std::size_t in_flight() const override { return 7; }
  void drain(base::TimePoint) override { ++log_.drained; }
  void abort() override { ++log_.aborted; }
  std::optional<base::TimePoint> deadline() const override { return kNow + 5s; }
  void on_deadline(base::TimePoint) override { ++log_.deadlines; }

 private:
  Log& log_;
  std::string buffer_;
  base::Chain output_ = base::Chain::of("greeting");
};

class SnifferTest : public testing::TestWithParam<std::size_t> {
 protected:
  std::unique_ptr<http::Protocol> make() {
    const std::size_t room = GetParam();
    return make_sniffer([this, room] { return std::make_unique<Recorder>(log, "1", room); },
                        [this, room] { return std::make_unique<Recorder>(log, "2", room); },
                        kDeadline);
  }
  // In pieces of at most GetParam() bytes.
  void feed(http::Protocol& protocol, std::string_view text) {
    while (!text.empty()) {
      const auto buffer = protocol.receive_buffer();
      const std::size_t count = std::min({buffer.size(), text.size(), GetParam()});
      ASSERT_GT(count, 0U);
      std::ranges::copy(base::as_bytes(text.substr(0, count)), buffer.begin());
      protocol.received(count, kNow);
      text.remove_prefix(count);
    }
  }
  Recorder::Log log;
};

TEST_P(SnifferTest, ChoosesByTheFirstBytesAndLosesNone) {
  auto two = make();
  feed(*two, kPreface);
  feed(*two, "frames");
  EXPECT_EQ(log.made, "2");
  EXPECT_EQ(log.received, std::string(kPreface) + "frames");

  for (const std::string text : {"GET / HTTP/1.1\r\n\r\n", "P", "POST /v2 HTTP/1.1\r\n\r\nbody",
                                 "PRI * HTTP/1.1\r\n\r\n", "PRIX", "\r\n\r\n", "\xff\xfe"}) {
    log = {};
    auto one = make();
    feed(*one, text);
    if (text == "P") {
      EXPECT_EQ(log.made, "") << "may still become either";
      continue;
    }
    EXPECT_EQ(log.made, "1");
    EXPECT_EQ(log.received, text);
  }
}

TEST_P(SnifferTest, BehavesWhileUndecided) {
  auto sniffer = make();
  EXPECT_TRUE(sniffer->idle());
  EXPECT_TRUE(sniffer->wants_read());
  EXPECT_FALSE(sniffer->finished());
  EXPECT_EQ(sniffer->in_flight(), 0U);
  EXPECT_TRUE(sniffer->output(1).empty());
  EXPECT_EQ(sniffer->deadline(), kDeadline);
  for (auto* end :
       {+[](http::Protocol& p) { p.received_eof(kNow); }, +[](http::Protocol& p) { p.drain(kNow); },
        +[](http::Protocol& p) { p.abort(); },
        +[](http::Protocol& p) { p.on_deadline(kDeadline); }}) {
    sniffer = make();
    end(*sniffer);
    EXPECT_TRUE(sniffer->finished());
    EXPECT_FALSE(sniffer->wants_read());
  }
}

TEST_P(SnifferTest, PassesEverythingOnOnceDecided) {
  auto sniffer = make();
  feed(*sniffer, "GET");
  EXPECT_EQ(sniffer->output(1).to_string(), "greeting");
  EXPECT_FALSE(sniffer->idle());
  EXPECT_FALSE(sniffer->finished());
  EXPECT_EQ(sniffer->in_flight(), 7U);
  EXPECT_EQ(sniffer->deadline(), kNow + 5s);
  sniffer->drain(kNow);
  sniffer->abort();
  sniffer->received_eof(kNow);
  sniffer->on_deadline(kNow);
  EXPECT_EQ(log.drained + log.aborted + log.eofs + log.deadlines, 4);
}

struct NoStrand final : http::Strand {
  void post(Task, Where) override {}
  TimerId run_at(base::TimePoint, Task) override { return 1; }
  void cancel_timer(TimerId) override {}
};

// The real protocols behind one port.
class Hello final : public http::Handler {
 public:
  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead&,
                                                http::Exchange& exchange) override {
    exchange.respond({.status = 200, .headers = {}}, base::Chain::of("hello"));
    return std::make_shared<Sink>();
  }

 private:
  struct Sink final : http::RequestSink {
    void on_body(base::Bytes) override {}
    void on_end() override {}
    void on_abort() override {}
  };
};

TEST(ProtocolFactory, ServesHttp1AndHttp2OnOnePort) {
  Hello handler;
  ServerOptions options;
  options.listen.address = "127.0.0.1";
  HttpServer server(options, make_protocol_factory(handler, {}));
  ASSERT_TRUE(server.start());

  test::Client one(server.port());
  ASSERT_TRUE(one.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const std::string answer = one.rest();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(answer.ends_with("hello")) << answer;

  test::Client two(server.port());
  const std::string_view empty_settings("\0\0\0\4\0\0\0\0\0", 9);
  ASSERT_TRUE(two.send(std::string(kPreface) + std::string(empty_settings)));
  const std::string frame = two.read_some(9);
  ASSERT_EQ(frame.size(), 9U);
  EXPECT_EQ(frame[3], 4) << "a server's first frame is SETTINGS";
  server.stop();
}

TEST(ProtocolFactory, GivesEachProtocolItsHandler) {
  struct Counting final : http::Handler {
    std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                  http::Exchange& exchange) override {
      version = head.version;
      return hello.on_request(head, exchange);
    }
    Hello hello;
    int version = 0;
  };
  Counting one;
  Counting two;
  const auto factory = make_protocol_factory({one, two}, {});
  const net::SocketAddress nobody;
  // GET / of the authority "x", with the fields of the static table.
  const std::string get("\0\0\6\1\5\0\0\0\1\x82\x84\x86\x41\1x", 15);
  for (const auto& [alpn, bytes] :
       {std::pair("", std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n")),
        std::pair("", std::string(kPreface) + std::string("\0\0\0\4\0\0\0\0\0", 9) + get)}) {
    const auto protocol = factory({nobody, alpn}, std::make_shared<NoStrand>());
    for (std::string_view rest = bytes; !rest.empty();) {
      const base::MutableBytes room = protocol->receive_buffer();
      const std::string_view piece = rest.substr(0, room.size());
      std::ranges::copy(base::as_bytes(piece), room.begin());
      protocol->received(piece.size(), base::Clock::now());
      rest.remove_prefix(piece.size());
    }
  }
  EXPECT_EQ(one.version, 11);
  EXPECT_EQ(two.version, 20);
}

TEST(ProtocolFactory, ObeysTheAgreementOfTls) {
  Hello handler;
  const net::SocketAddress nobody;
  const auto first_output = [&](Protocols protocols, std::string_view alpn) {
    ProtocolOptions options;
    options.protocols = protocols;
    const auto factory = make_protocol_factory(handler, options);
    const auto protocol = factory({nobody, alpn}, std::make_shared<NoStrand>());
    const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    std::ranges::copy(base::as_bytes(request), protocol->receive_buffer().begin());
    protocol->received(request.size(), base::Clock::now());
    return protocol->output(1000).to_string();
  };
  EXPECT_TRUE(first_output(Protocols::kBoth, "http/1.1").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(first_output(Protocols::kHttp1, "").starts_with("HTTP/1.1 200 "));
  EXPECT_FALSE(first_output(Protocols::kBoth, "h2").starts_with("HTTP/1.1 200 "));
  EXPECT_FALSE(first_output(Protocols::kHttp2, "").starts_with("HTTP/1.1 200 "));
}

INSTANTIATE_TEST_SUITE_P(Pieces, SnifferTest, testing::Values(1, 2, 15, 16, 17, 100));

}  // namespace
}  // namespace tfe::server
