// What is refused, and how: an error response and the end of the connection.
#include <gtest/gtest.h>

#include "http1/connection.h"
#include "http1/peer.h"

namespace tfe::http1 {
namespace {

using namespace std::string_view_literals;

struct Case {
  std::string_view name;
  std::string_view input;
  std::string_view status;
};

class Http1Refusal : public testing::TestWithParam<Case> {};

TEST_P(Http1Refusal, AnswersAndCloses) {
  Limits limits;
  limits.max_request_line = 100;
  limits.max_head_bytes = 400;
  limits.max_header_count = 4;
  limits.max_body_bytes = 1000;
  limits.max_chunk_count = 3;
  limits.max_chunk_line = 40;
  limits.max_trailer_bytes = 50;
  const std::string_view input = GetParam().input;
  // Byte by byte, in two at every byte, and whole.
  for (std::size_t first = 0; first <= input.size(); ++first) {
    Peer peer(limits);
    peer.send(input.substr(0, first));
    peer.send(input.substr(first), first == 0 ? 1 : SIZE_MAX);
    const std::string start = "HTTP/1.1 " + std::string(GetParam().status) + "\r\n";
    EXPECT_TRUE(peer.received.starts_with(start)) << peer.received;
    EXPECT_NE(peer.received.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_NE(peer.received.find("\r\nContent-Type: application/json\r\n"), std::string::npos);
    EXPECT_NE(peer.received.find("\r\n\r\n{\"error\":\""), std::string::npos);
    EXPECT_TRUE(peer.received.ends_with("\"}"));
    EXPECT_TRUE(peer.connection->finished());
    for (const auto& request : peer.handler.requests) EXPECT_FALSE(request->ended);
    for (const auto& request : peer.handler.requests) EXPECT_TRUE(request->aborted);
  }
}

#define CHUNKED "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
constexpr std::string_view kLong =
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123"
    "456789";

INSTANTIATE_TEST_SUITE_P(
    All, Http1Refusal,
    testing::Values(
        Case{"TlsHello", "\x16\x03\x01\x02"sv, "400 Bad Request"},
        Case{"Text", "hello world\r\n\r\n", "400 Bad Request"},
        Case{"NoTarget", "GET HTTP/1.1\r\n\r\n", "400 Bad Request"},
        Case{"LowerVersion", "GET / http/1.1\r\n\r\n", "400 Bad Request"},
        Case{"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 HTTP Version Not Supported"},
        Case{"OtherExpectation", "POST /a HTTP/1.1\r\nExpect: the-worst\r\n\r\n",
             "417 Expectation Failed"},
        Case{"TwoExpectations", "POST /a HTTP/1.1\r\nExpect: 100-continue, more\r\n\r\n",
             "417 Expectation Failed"},
        Case{"BlankInTarget", "GET /a b HTTP/1.1\r\n\r\n", "400 Bad Request"},
        Case{"ControlInTarget", "GET /a\x01 HTTP/1.1\r\n\r\n", "400 Bad Request"},
        Case{"RelativeTarget", "GET a HTTP/1.1\r\n\r\n", "400 Bad Request"},
        Case{"Connect", "CONNECT h:1 HTTP/1.1\r\n\r\n", "501 Not Implemented"},
        Case{"BareLineFeeds", "GET / HTTP/1.1\nHost: h\n\n", "400 Bad Request"},
        Case{"BareLineFeedInField", "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", "400 Bad Request"},
        Case{"Folding", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "400 Bad Request"},
        Case{"NoColon", "GET / HTTP/1.1\r\nA\r\n\r\n", "400 Bad Request"},
        Case{"BlankBeforeColon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", "400 Bad Request"},
        Case{"NulInValue", "GET / HTTP/1.1\r\nA: \0b\r\n\r\n"sv, "400 Bad Request"},
        Case{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 Bad Request"},
        Case{"TooManyFields", "GET / HTTP/1.1\r\nA:1\r\nB:1\r\nC:1\r\nD:1\r\nE:1\r\n\r\n",
             "431 Request Header Fields Too Large"},
        Case{"NegativeLength", "POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400 Bad Request"},
        Case{"LengthList", "POST /a HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", "400 Bad Request"},
        Case{"EmptyLength", "POST /a HTTP/1.1\r\nContent-Length:\r\n\r\n", "400 Bad Request"},
        Case{"TwoLengths", "POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
             "400 Bad Request"},
        Case{"LengthAndChunked",
             "POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
             "400 Bad Request"},
        Case{"TooLong", "POST /a HTTP/1.1\r\nContent-Length: 1001\r\n\r\n",
             "413 Content Too Large"},
        Case{"LengthOverflows",
             "POST /a HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
             "413 Content Too Large"},
        Case{"OtherCoding", "POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
             "501 Not Implemented"},
        Case{"ChunkedTwice",
             "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
             "400 Bad Request"},
        Case{"ChunkedTo10", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
             "400 Bad Request"},
        Case{"ChunkSizeNotHex", CHUNKED "x\r\n", "400 Bad Request"},
        Case{"ChunkSizeEmpty", CHUNKED "\r\n", "400 Bad Request"},
        Case{"ChunkSizeSigned", CHUNKED "-1\r\n", "400 Bad Request"},
        Case{"ChunkSizeOverflows", CHUNKED "fffffffffffffffff\r\n", "413 Content Too Large"},
        Case{"ChunkTooLarge", CHUNKED "3e9\r\n", "413 Content Too Large"},
        Case{"ChunksTooLarge", CHUNKED "1\r\na\r\n3e8\r\n", "413 Content Too Large"},
        Case{"ChunkTooLong", CHUNKED "1\r\nab\r\n", "400 Bad Request"},
        Case{"ChunkBareLineFeed", CHUNKED "1\nab\r\n", "400 Bad Request"},
        Case{"ChunkExtensionTooLong",
             CHUNKED "1;0123456789012345678901234567890123456789012345678901234567890\r\n",
             "400 Bad Request"},
        Case{"TooManyChunks", CHUNKED "1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n",
             "400 Bad Request"},
        Case{"TrailerTooLarge",
             CHUNKED "0\r\nA: 0123456789\r\nB: 0123456789\r\nC: 0123456789\r\nD: 1\r\n\r\n",
             "400 Bad Request"},
        Case{"TrailerNoColon", CHUNKED "0\r\nA\r\n\r\n", "400 Bad Request"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Http1Limits, EndlessRequestLine) {
  Limits limits;
  limits.max_request_line = 100;
  Peer peer(limits);
  peer.send("GET /" + std::string(kLong));
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 414 URI Too Long\r\n")) << peer.received;
}

TEST(Http1Limits, EndlessHead) {
  Limits limits;
  limits.max_head_bytes = 1000;
  Peer peer(limits);
  peer.send("GET / HTTP/1.1\r\nA: " + std::string(1000, 'x'), 10);
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 431 ")) << peer.received;
}

TEST(Http1Limits, ChunkCountAtItsLimitIsFine) {
  Limits limits;
  limits.max_chunk_count = 3;
  Peer peer(limits);
  peer.send(
      "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n");
  EXPECT_EQ(peer.received, answer_text("200 OK", "abc"));
}

TEST(Http1Limits, ChunkCountText) {
  Limits limits;
  Peer peer(limits);
  std::string body;
  for (int i = 0; i < 65537; ++i) body += "1\r\na\r\n";
  peer.send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
  EXPECT_TRUE(peer.received.ends_with(
      "{\"error\":\"Chunked request body exceeds maximum of 65536 non-empty chunks. Send fewer or "
      "larger HTTP chunks.\"}"));
}

TEST(Http1Limits, MissingHostIsAnOption) {
  Limits limits;
  limits.require_host = true;
  Peer peer(limits);
  peer.send("GET /now HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(peer.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

TEST(Http1Refusals, TruncatedBodiesAreNamed) {
  Peer length;
  length.send("POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  length.connection->received_eof(length.now);
  EXPECT_NE(length.take().find("request body ended 7 bytes before"), std::string::npos);
  EXPECT_TRUE(length.request(0).aborted);
  EXPECT_TRUE(length.connection->finished());
  Peer chunked;
  chunked.send(CHUNKED "5\r\nab");
  chunked.connection->received_eof(chunked.now);
  EXPECT_NE(chunked.take().find("request body ended before its last chunk"), std::string::npos);
  Peer head;
  head.send("GET /a HT");
  head.connection->received_eof(head.now);
  EXPECT_NE(head.take().find("the connection ended within a request head"), std::string::npos);
  Peer nothing;
  nothing.connection->received_eof(nothing.now);
  EXPECT_EQ(nothing.take(), "");
  EXPECT_TRUE(nothing.connection->finished());
}

TEST(Http1Refusals, ErrorAfterTheAnswerOnlyCloses) {
  Peer peer;
  peer.send("POST /now HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n");
  EXPECT_EQ(peer.received, answer_text("200 OK", "now"));
  EXPECT_TRUE(peer.connection->finished());
}

// Deadlines are asked for and reported, with a clock that only the test moves.
void pass_deadline(Peer& peer) {
  ASSERT_TRUE(peer.connection->deadline().has_value());
  peer.now = *peer.connection->deadline();
  peer.connection->on_deadline(peer.now);
}

TEST(Http1Timeouts, SlowHeadIsRefused) {
  Peer peer;
  peer.send("GET /");
  const auto due = peer.connection->deadline();
  peer.now += std::chrono::seconds(5);
  peer.send("a");
  EXPECT_EQ(peer.connection->deadline(), due);  // trickling does not help
  pass_deadline(peer);
  EXPECT_TRUE(peer.take().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_TRUE(peer.connection->finished());
}

TEST(Http1Timeouts, SilentBodyIsRefused) {
  Limits limits;
  limits.min_body_progress = 0;
  Peer peer(limits);
  peer.send("POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  const auto due = peer.connection->deadline();
  peer.now += std::chrono::seconds(5);
  peer.send("d");
  EXPECT_GT(peer.connection->deadline(), due);  // progress does
  pass_deadline(peer);
  EXPECT_TRUE(peer.take().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_TRUE(peer.request(0).aborted);
}

TEST(Http1Timeouts, TricklingBodyIsRefused) {
  Limits limits;
  limits.min_body_progress = 100;
  for (const std::string_view framing : {"Content-Length: 1000", "Transfer-Encoding: chunked"}) {
    Peer peer(limits);
    peer.send("POST /a HTTP/1.1\r\n" + std::string(framing) + "\r\n\r\n3e8\r\n");
    const auto due = peer.connection->deadline();
    for (int i = 0; i < 90; ++i) {
      peer.now += std::chrono::milliseconds(100);
      peer.send("x");
    }
    EXPECT_EQ(peer.connection->deadline(), due) << "single bytes do not help";
    peer.send(std::string(100, 'x'));
    EXPECT_EQ(peer.connection->deadline(), peer.now + limits.body_timeout);
    pass_deadline(peer);
    EXPECT_TRUE(peer.take().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    EXPECT_TRUE(peer.request(0).aborted);
  }
}

TEST(Http1Timeouts, TheTimeOfTheHeadIsNotTheBodys) {
  Peer peer;
  peer.send("POST /a HTTP/1.1\r\nContent-Le");
  peer.now += std::chrono::seconds(10);
  peer.send("ngth: 10\r\n\r\n");
  EXPECT_EQ(peer.connection->deadline(), peer.now + peer.options.limits.body_timeout);
}

TEST(Http1Timeouts, TheTimeOfAPausedBodyIsNotTheClients) {
  Peer peer;
  peer.send("POST /a HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  peer.request(0).exchange->pause_body();
  EXPECT_EQ(peer.connection->deadline(), std::nullopt);
  peer.now += std::chrono::hours(1);
  peer.request(0).exchange->resume_body();
  peer.send("d");
  EXPECT_EQ(peer.connection->deadline(), peer.now + peer.options.limits.body_timeout);
}

TEST(Http1Timeouts, EmptyLinesDoNotKeepAnIdleConnection) {
  Peer peer;
  for (int i = 0; i < 2; ++i) {
    const auto due = peer.connection->deadline();
    for (const std::string_view bytes : {"\r\n", "\r", "\n\r\n"}) {
      peer.now += std::chrono::seconds(3);
      peer.send(bytes, 1);
    }
    EXPECT_EQ(peer.connection->deadline(), due);
    peer.send("GET /now HTTP/1.1\r\n\r\n");
    EXPECT_EQ(peer.connection->deadline(), peer.now + peer.options.limits.idle_timeout);
  }
  EXPECT_EQ(peer.handler.requests.size(), 2U);
}

TEST(Http1Timeouts, ZeroIsNever) {
  Limits limits;
  limits.header_timeout = limits.body_timeout = limits.idle_timeout = {};
  Peer peer(limits);
  EXPECT_EQ(peer.connection->deadline(), std::nullopt);
  peer.send("POST /a HTT");
  EXPECT_EQ(peer.connection->deadline(), std::nullopt);
  peer.send("P/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(peer.connection->deadline(), std::nullopt);
  peer.connection->on_deadline(peer.now + std::chrono::hours(1));
  EXPECT_FALSE(peer.connection->finished());
}

TEST(Http1Limits, RequestsOfOneConnection) {
  Limits limits;
  limits.max_requests = 2;
  Peer peer(limits);
  peer.send("GET /now HTTP/1.1\r\n\r\n");
  EXPECT_EQ(peer.received.find("Connection: close"), std::string::npos);
  peer.send("GET /now HTTP/1.1\r\n\r\n");
  EXPECT_NE(peer.received.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(peer.connection->finished());
}

TEST(Http1Refusals, AreToldToTheHandler) {
  Peer peer;
  peer.send("GET /a b HTTP/1.1\r\n\r\n");
  peer.send("ignored");
  ASSERT_EQ(peer.handler.refused.size(), 1U);
  EXPECT_EQ(peer.handler.refused[0], "10.0.0.1:5 GET /a 400");
  Peer garbage;
  garbage.send("\x16\x03\x01");
  ASSERT_EQ(garbage.handler.refused.size(), 1U);
  EXPECT_EQ(garbage.handler.refused[0], "10.0.0.1:5   400");
}

TEST(Http1Timeouts, IdleConnectionIsClosedSilently) {
  Peer peer;
  peer.send("GET /now HTTP/1.1\r\n\r\n");
  const std::string before = peer.received;
  pass_deadline(peer);
  EXPECT_TRUE(peer.connection->finished());
  EXPECT_EQ(peer.take(), "");
}

TEST(Http1Timeouts, NoneWhileAnInferenceRuns) {
  Peer peer;
  peer.send("GET /a HTTP/1.1\r\n\r\n");
  EXPECT_EQ(peer.connection->deadline(), std::nullopt);
  // The idle time begins with the end of the answer, however long that took.
  peer.now += std::chrono::hours(1);
  peer.request(0).exchange->respond({}, {});
  peer.take();
  EXPECT_EQ(peer.connection->deadline(), peer.now + peer.options.limits.idle_timeout);
}

}  // namespace
}  // namespace tfe::http1
