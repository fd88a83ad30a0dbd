// Requests and responses on a connection that behaves.
#include "http1/connection.h"

#include <gtest/gtest.h>

#include "http1/peer.h"

namespace tfe::http1 {
namespace {

using namespace std::string_view_literals;

TEST(Http1Connection, AnswersAtOnce) {
  Peer peer;
  peer.send("GET /now HTTP/1.1\r\nHost: here\r\n\r\n");
  EXPECT_EQ(peer.received, answer_text("200 OK", "now"));
  EXPECT_EQ(peer.request(0).authority, "here");
  EXPECT_EQ(peer.request(0).content_length, -1);
  EXPECT_TRUE(peer.connection->idle());
  EXPECT_FALSE(peer.connection->finished());
}

TEST(Http1Connection, TellsWhereTheClientIs) {
  Peer peer;
  peer.send("GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(peer.request(0).peer, "10.0.0.1:5");
  EXPECT_EQ(peer.request(0).scheme, "https");
}

TEST(Http1Connection, AnAnswerMayBeTheLast) {
  for (const bool streamed : {false, true}) {
    Peer peer;
    peer.send("GET /a HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\n");
    http::Exchange& exchange = *peer.request(0).exchange;
    if (streamed) {
      exchange.start({.status = 503, .headers = {}, .last = true});
      exchange.finish({});
    } else {
      exchange.respond({.status = 503, .headers = {}, .last = true}, {});
    }
    EXPECT_NE(peer.take().find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_TRUE(peer.connection->finished());
    EXPECT_EQ(peer.handler.requests.size(), 1U);
  }
}

TEST(Http1Connection, EmptyExpectationIsNone) {
  Peer peer;
  peer.send("POST /echo HTTP/1.1\r\nExpect:\r\nContent-Length: 1\r\n\r\na");
  EXPECT_EQ(peer.received, answer_text("200 OK", "a"));
}

TEST(Http1Connection, SameEventsForEverySplit) {
  const auto script =
      "\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "POST /echo?q=1 HTTP/1.1\r\nHost: h\r\ncontent-length: 0\r\n\r\n"
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;name=\"v\"\r\nabc\r\n0A \r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n"
      "GET /now HTTP/1.1\r\nHost: h\r\n\r\n"sv;
  for (std::size_t piece = 1; piece <= script.size(); ++piece) {
    Peer peer;
    peer.send(script, piece);
    ASSERT_EQ(peer.handler.requests.size(), 2u) << "piece " << piece;
    // The second request is the test's to answer; what follows waits.
    peer.request(1).exchange->respond({}, {});
    peer.take();
    peer.send(peer.unread, piece);
    const std::string whole = answer_text("200 OK", "hello") + answer_text("200 OK", "") +
                              answer_text("200 OK", "abc0123456789") + answer_text("200 OK", "now");
    ASSERT_EQ(peer.received, whole) << "piece " << piece;
    ASSERT_TRUE(peer.connection->idle()) << "piece " << piece;
  }
}

TEST(Http1Connection, SplitInTwoAtEveryByte) {
  const auto script =
      "POST /direct HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n0\r\n\r\nGET /now HTTP/1.1\r\n\r\n"sv;
  for (std::size_t at = 0; at <= script.size(); ++at) {
    Peer peer;
    peer.send(script.substr(0, at));
    peer.send(script.substr(at));
    ASSERT_EQ(peer.received, answer_text("200 OK", "hello") + answer_text("200 OK", "now")) << at;
  }
}

TEST(Http1Connection, PipelinedSynchronousRequestsDoNotStall) {
  Peer peer;
  peer.send("GET /now HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\n");
  EXPECT_EQ(peer.handler.requests.size(), 3u);
  const std::string one = answer_text("200 OK", "now");
  EXPECT_EQ(peer.received, one + one + one);
}

TEST(Http1Connection, PipelinedRequestsAreAnsweredOneByOneInOrder) {
  Peer peer;
  peer.send("POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nxGET /b HTTP/1.1\r\n\r\n");
  ASSERT_EQ(peer.handler.requests.size(), 1u);
  EXPECT_TRUE(peer.request(0).ended);
  EXPECT_EQ(peer.connection->in_flight(), 1u);
  peer.request(0).exchange->respond({}, base::Chain::of("first"));
  ASSERT_EQ(peer.handler.requests.size(), 2u);
  peer.request(1).exchange->respond({}, base::Chain::of("second"));
  peer.take();
  EXPECT_EQ(peer.received, answer_text("200 OK", "first") + answer_text("200 OK", "second"));
}

TEST(Http1Connection, HoldsBackAClientThatPipelinesWithoutEnd) {
  Limits limits;
  limits.max_pipelined_bytes = 4096;
  Peer peer(limits);
  peer.send("GET /a HTTP/1.1\r\n\r\n");
  std::string flood;
  for (int i = 0; i < 4000; ++i) flood += "GET /now HTTP/1.1\r\n\r\n";
  peer.send(flood);
  EXPECT_FALSE(peer.connection->wants_read());
  EXPECT_FALSE(peer.unread.empty());
  peer.request(0).exchange->respond({}, {});
  const std::string rest(peer.unread);
  peer.take();
  peer.send(rest);
  EXPECT_EQ(peer.handler.requests.size(), 4001u);
}

TEST(Http1Connection, StopsAnsweringWhenTheClientDoesNotRead) {
  Limits limits;
  limits.max_unsent_bytes = 1000;
  Peer peer(limits);
  peer.drains = false;
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += "GET /now HTTP/1.1\r\n\r\n";
  peer.send(flood);
  EXPECT_LT(peer.handler.requests.size(), 20u);
  EXPECT_FALSE(peer.connection->wants_read());
  peer.drains = true;
  const std::string rest(peer.unread);
  while (!peer.take().empty()) {
  }
  peer.send(rest);
  EXPECT_EQ(peer.handler.requests.size(), 100u);
  EXPECT_TRUE(peer.connection->idle());
}

TEST(Http1Connection, LargeBodyLandsInTheSinksBuffer) {
  Peer peer;
  const std::string body(100'000, 'x');
  peer.send("POST /direct HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + body, 5000);
  EXPECT_EQ(peer.request(0).body, body);
  EXPECT_GT(peer.request(0).direct_bytes, 90'000u);
  EXPECT_TRUE(peer.received.ends_with(body));
}

TEST(Http1Connection, LargeChunkLandsInTheSinksBuffer) {
  Peer peer;
  const std::string body(0x10000, 'y');
  peer.send("POST /direct HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n" + body +
                "\r\n0\r\n\r\n",
            5000);
  EXPECT_EQ(peer.request(0).body, body);
  EXPECT_GT(peer.request(0).direct_bytes, 50'000u);
  EXPECT_TRUE(peer.received.ends_with(body));
}

TEST(Http1Connection, HeadHasTheLengthAndNoBody) {
  Peer peer;
  peer.send("HEAD /now HTTP/1.1\r\n\r\nGET /now HTTP/1.1\r\n\r\n");
  EXPECT_EQ(peer.received,
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Length: 3\r\n\r\n" +
                answer_text("200 OK", "now"));
}

TEST(Http1Connection, ConnectionCloseIsHonoured) {
  Peer peer;
  peer.send("GET /now HTTP/1.1\r\nConnection: foo, Close\r\n\r\nGET /now HTTP/1.1\r\n\r\n");
  EXPECT_EQ(peer.received, answer_text("200 OK", "now", "Connection: close\r\n"));
  EXPECT_TRUE(peer.connection->finished());
}

TEST(Http1Connection, Http10ClosesUnlessAskedNotTo) {
  Peer close;
  close.send("GET /now HTTP/1.0\r\n\r\n");
  EXPECT_EQ(close.received, answer_text("200 OK", "now", "Connection: close\r\n"));
  EXPECT_TRUE(close.connection->finished());
  Peer keep;
  keep.send("GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(keep.received, answer_text("200 OK", "now", "Connection: keep-alive\r\n"));
  EXPECT_FALSE(keep.connection->finished());
}

TEST(Http1Connection, StreamsInChunksTo11AndUntilCloseTo10) {
  for (const bool old : {false, true}) {
    Peer peer;
    peer.send(old ? "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
                  : "GET /s HTTP/1.1\r\n\r\n");
    http::Exchange& exchange = *peer.request(0).exchange;
    exchange.start({.status = 200, .headers = {{"content-type", "text/event-stream"}}});
    exchange.write(base::Chain::of("one"));
    exchange.write({});
    exchange.write(base::Chain::of(std::string(20'000, '2')));
    peer.take();
    EXPECT_EQ(peer.request(0).writable, 1);
    exchange.finish({{"x-t", "v"}});
    peer.take();
    const std::string head =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        "Content-Type: text/event-stream\r\n";
    const std::string two(20'000, '2');
    EXPECT_EQ(peer.received, old ? head + "Connection: close\r\n\r\none" + two
                                 : head + "Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n4e20\r\n" +
                                       two + "\r\n0\r\nX-T: v\r\n\r\n");
    EXPECT_EQ(peer.connection->finished(), old);
  }
}

TEST(Http1Connection, AbortedStreamEndsWithoutItsTerminator) {
  Peer peer;
  peer.send("GET /s HTTP/1.1\r\n\r\n");
  http::Exchange& exchange = *peer.request(0).exchange;
  exchange.start({});
  exchange.write(base::Chain::of("one"));
  exchange.abort(http::AbortReason::kInternal);
  peer.take();
  EXPECT_TRUE(peer.received.ends_with("3\r\none\r\n"));
  EXPECT_TRUE(peer.connection->finished());
}

TEST(Http1Connection, ContinueIsSentOnlyWhenTheBodyIsWanted) {
  Peer peer;
  peer.send("POST /wait HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(peer.received, "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("hi");
  EXPECT_EQ(peer.received, "HTTP/1.1 100 Continue\r\n\r\n" + answer_text("200 OK", "hi"));
  // Refused without asking for the body: whether it still comes is unknown, so the connection ends.
  Peer refused;
  refused.send("POST /now HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(refused.received, answer_text("200 OK", "now", "Connection: close\r\n"));
  EXPECT_TRUE(refused.connection->finished());
}

TEST(Http1Connection, RestOfAnAnsweredRequestIsDropped) {
  for (std::size_t piece : {1u, 7u, 1000u}) {
    Peer peer;
    peer.send(
        "POST /now HTTP/1.1\r\nContent-Length: 20\r\n\r\nGET /not HTTP/1.1\r\n!"
        "POST /now HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\n"
        "GET /now HTTP/1.1\r\n\r\n",
        piece);
    const std::string one = answer_text("200 OK", "now");
    EXPECT_EQ(peer.received, one + one + one);
    EXPECT_EQ(peer.handler.requests.size(), 3u);
  }
}

TEST(Http1Connection, TooLargeARestEndsTheConnection) {
  Limits limits;
  limits.max_discarded_body = 10;
  Peer known(limits);
  known.send("POST /now HTTP/1.1\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(known.received, answer_text("200 OK", "now", "Connection: close\r\n"));
  EXPECT_TRUE(known.connection->finished());
  Peer chunked(limits);
  chunked.send("POST /now HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n");
  EXPECT_TRUE(chunked.connection->finished());
}

TEST(Http1Connection, PausedBodyHoldsTheClientBack) {
  Peer peer;
  peer.send("POST /b HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
  http::Exchange& exchange = *peer.request(0).exchange;
  exchange.pause_body();
  exchange.pause_body();
  EXPECT_FALSE(peer.connection->wants_read());
  exchange.resume_body();
  EXPECT_FALSE(peer.connection->wants_read());
  exchange.resume_body();
  peer.send("def");
  EXPECT_EQ(peer.request(0).body, "abcdef");
  EXPECT_TRUE(peer.request(0).ended);
}

TEST(Http1Connection, DrainFinishesWhatIsInFlight) {
  Peer idle;
  idle.connection->drain(idle.now);
  EXPECT_TRUE(idle.connection->finished());
  Peer busy;
  busy.send("GET /a HTTP/1.1\r\n\r\n");
  busy.connection->drain(busy.now);
  busy.connection->drain(busy.now);
  EXPECT_EQ(busy.request(0).drains, 1);
  EXPECT_FALSE(busy.connection->finished());
  busy.request(0).exchange->respond({}, base::Chain::of("x"));
  busy.take();
  EXPECT_EQ(busy.received, answer_text("200 OK", "x", "Connection: close\r\n"));
  EXPECT_TRUE(busy.connection->finished());
}

TEST(Http1Connection, DrainGraceTakesOneMoreRequest) {
  Peer peer;
  peer.options.limits.drain_grace = std::chrono::seconds(1);
  peer.connection->drain(peer.now);
  EXPECT_FALSE(peer.connection->finished());
  EXPECT_EQ(peer.connection->deadline(), peer.now + std::chrono::seconds(1));
  peer.send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  peer.request(0).exchange->respond({}, base::Chain::of("x"));
  peer.take();
  EXPECT_EQ(peer.received, answer_text("200 OK", "x", "Connection: close\r\n"));
  EXPECT_TRUE(peer.connection->finished());
}

TEST(Http1Connection, DrainGraceEnds) {
  Peer peer;
  peer.options.limits.drain_grace = std::chrono::seconds(1);
  peer.connection->drain(peer.now);
  peer.now += std::chrono::seconds(1);
  peer.connection->drain(peer.now);  // does not begin it anew
  peer.connection->on_deadline(peer.now);
  EXPECT_TRUE(peer.connection->finished());
}

TEST(Http1Connection, HalfClosedClientIsProbedAndAnswered) {
  Peer peer;
  peer.send("POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
  peer.connection->received_eof(peer.now);
  EXPECT_EQ(peer.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_FALSE(peer.connection->wants_read());
  EXPECT_FALSE(peer.request(0).aborted);
  peer.request(0).exchange->respond({}, base::Chain::of("y"));
  EXPECT_EQ(peer.take(), answer_text("200 OK", "y"));
  EXPECT_TRUE(peer.connection->finished());
}

TEST(Http1Connection, HalfClosedClientIsProbedAgain) {
  Peer peer;
  peer.send("POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
  peer.connection->received_eof(peer.now);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(peer.take(), "HTTP/1.1 100 Continue\r\n\r\n") << round;
    ASSERT_TRUE(peer.connection->deadline()) << round;
    peer.connection->on_deadline(*peer.connection->deadline() - std::chrono::milliseconds(1));
    EXPECT_EQ(peer.take(), "") << round;
    peer.now = *peer.connection->deadline();
    peer.connection->on_deadline(peer.now);
  }
  EXPECT_FALSE(peer.request(0).aborted);
}

TEST(Http1Connection, AbortTellsTheSink) {
  Peer peer;
  peer.send("POST /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nx");
  peer.connection->abort();
  EXPECT_TRUE(peer.request(0).aborted);
  EXPECT_TRUE(peer.connection->finished());
  EXPECT_EQ(peer.connection->in_flight(), 0u);
}

TEST(Http1Connection, DestructionTellsTheSink) {
  Peer peer;
  peer.send("GET /a HTTP/1.1\r\n\r\n");
  peer.connection.reset();
  EXPECT_TRUE(peer.request(0).aborted);
}

TEST(Http1Connection, HeaderValuesCannotBeginNewLines) {
  Peer peer;
  peer.send("GET /a HTTP/1.1\r\n\r\n");
  peer.request(0).exchange->respond({.status = 200, .headers = {{"x-a", "b\r\nSet-Cookie: c"}}},
                                    {});
  EXPECT_NE(peer.take().find("X-A: b  Set-Cookie: c\r\n"), std::string::npos);
}

}  // namespace
}  // namespace tfe::http1
