// Requests and responses over a whole connection.
#include "http2/connection.h"

#include "http2/rig.h"

namespace tfe::http2 {
namespace {

using testing::answer;
using testing::Peer;
using testing::Rig;
using testing::Seen;

TEST(Http2Connection, GivesARequestToTheHandlerAndItsResponseToThePeer) {
  Rig rig;
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, "hello"); };
  const auto id = rig.peer.request("body", true, {{"x-key", "value"}});
  rig.talk();
  ASSERT_EQ(rig.handler.requests.size(), 1u);
  const Seen& seen = rig.request(0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/path");
  EXPECT_EQ(seen.authority, "x");
  EXPECT_EQ(seen.headers, (std::vector<std::pair<std::string, std::string>>{{"x-key", "value"}}));
  EXPECT_EQ(seen.body, "body");
  const auto& reply = rig.peer.reply(id);
  EXPECT_EQ(reply.value(":status"), "200");
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.trailers, (testing::Fields{{"grpc-status", "0"}}));
  EXPECT_TRUE(reply.closed);
  EXPECT_EQ(reply.close_code, 0u);
  EXPECT_TRUE(rig.connection.idle());
  EXPECT_FALSE(rig.connection.finished());
}

TEST(Http2Connection, TakesBytesSplitAnywhere) {
  for (std::size_t piece = 1; piece < 70; ++piece) {
    Rig rig;
    rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, seen.body); };
    const auto id = rig.peer.request("some body", true);
    rig.talk(piece);
    EXPECT_EQ(rig.peer.reply(id).body, "some body") << piece;
  }
}

// (type, flags) of each frame.
std::vector<std::pair<int, int>> frames_of(std::string_view output) {
  constexpr std::size_t kHeader = 9;
  std::vector<std::pair<int, int>> frames;
  while (output.size() >= kHeader) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(output[at]); };
    const std::size_t length = std::size_t{byte(0)} << 16 | std::size_t{byte(1)} << 8 | byte(2);
    frames.emplace_back(byte(3), byte(4));
    output.remove_prefix(std::min(output.size(), kHeader + length));
  }
  return frames;
}

// HEADERS with END_HEADERS (0x4), DATA, and trailers with END_STREAM too (0x5), as gRPC's own
// servers frame the answer to a unary call.
TEST(Http2Connection, FramesAnAnswerAndARefusal) {
  Rig rig;
  rig.peer.request("", true);
  rig.talk();
  answer(*rig.request(0).exchange, std::string("\0\0\0\0\2\x08\1", 7));
  EXPECT_EQ(frames_of(rig.take_output()),
            (std::vector<std::pair<int, int>>{
                {NGHTTP2_HEADERS, 4}, {NGHTTP2_DATA, 0}, {NGHTTP2_HEADERS, 5}}));
  rig.peer.request("", true);
  rig.deliver(rig.peer.take_output());
  rig.request(1).exchange->respond({.status = 200, .headers = {{"grpc-status", "12"}}}, {});
  EXPECT_EQ(frames_of(rig.take_output()), (std::vector<std::pair<int, int>>{{NGHTTP2_HEADERS, 5}}));
}

TEST(Http2Connection, SendsAWholeAnswerInOneSegment) {
  Rig rig;
  rig.peer.request("", true);
  rig.talk();
  answer(*rig.request(0).exchange, "small");
  EXPECT_EQ(rig.connection.output(1U << 20).segments().size(), 1u);
}

TEST(Http2Connection, RefersToLargeBodiesInsteadOfCopyingThem) {
  Rig rig({}, {.settings = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1U << 20},
                            {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 1U << 20}}});
  rig.peer.credit(0, 1 << 20);
  rig.peer.request("", true);
  rig.talk();
  const auto tensor = std::make_shared<std::string>(100'000, 't');
  base::Chain body;
  body.append(base::as_bytes(*tensor), tensor);
  rig.request(0).exchange->respond({}, std::move(body));
  const auto* data = reinterpret_cast<const std::byte*>(tensor->data());
  bool referenced = false;
  for (const auto& segment : rig.connection.output(1U << 20).segments()) {
    referenced = referenced || segment.bytes.data() == data;
  }
  EXPECT_TRUE(referenced);
}

TEST(Http2Connection, EndsTheStreamInTheHeadersOfAnEmptyResponse) {
  Rig rig;
  const auto id = rig.peer.request("", true);
  rig.handler.on_open = [](Seen& seen) {
    seen.exchange->respond({.status = 404, .headers = {}}, {});
  };
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).value(":status"), "404");
  EXPECT_TRUE(rig.peer.reply(id).frames.empty());
  EXPECT_TRUE(rig.peer.reply(id).ended);
}

TEST(Http2Connection, TellsThePeerToStopSendingWhenTheAnswerIsComplete) {
  Rig rig;
  const auto id = rig.peer.request("begun", false);
  rig.handler.on_open = [](Seen& seen) { answer(*seen.exchange, "early"); };
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body, "early");
  EXPECT_TRUE(rig.peer.reply(id).ended);
  EXPECT_TRUE(rig.peer.reply(id).closed);
  EXPECT_EQ(rig.peer.reply(id).close_code, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_EQ(rig.connection.in_flight(), 0u);
}

TEST(Http2Connection, AnswersManyRequestsOutOfOrder) {
  Rig rig;
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(rig.peer.request(std::to_string(i), true));
  rig.talk();
  EXPECT_EQ(rig.connection.in_flight(), 50u);
  EXPECT_EQ(rig.request(0).exchange->in_flight_counter()->load(), 50u);
  for (int i = 49; i >= 0; --i) {
    answer(*rig.request(static_cast<std::size_t>(i)).exchange, "answer " + std::to_string(i));
  }
  rig.talk();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(rig.peer.reply(ids[static_cast<std::size_t>(i)]).body, "answer " + std::to_string(i));
  }
}

TEST(Http2Connection, StreamsAResponsePieceByPiece) {
  Rig rig;
  const auto id = rig.peer.request("", true);
  rig.talk();
  http::Exchange& exchange = *rig.request(0).exchange;
  exchange.start({});
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).value(":status"), "200");
  exchange.write(base::Chain::of("one "));
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body, "one ");
  EXPECT_EQ(rig.request(0).writables, 1);
  exchange.write(base::Chain::of("two"));
  exchange.finish({{"grpc-status", "5"}});
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body, "one two");
  EXPECT_EQ(rig.peer.reply(id).value("grpc-status"), "5");
}

TEST(Http2Connection, AbortsMapToResetCodes) {
  using http::AbortReason;
  for (const auto& [reason, code] : {std::pair(AbortReason::kInternal, NGHTTP2_INTERNAL_ERROR),
                                     std::pair(AbortReason::kCancelled, NGHTTP2_CANCEL),
                                     std::pair(AbortReason::kRefused, NGHTTP2_REFUSED_STREAM)}) {
    Rig rig;
    const auto id = rig.peer.request("", true);
    rig.talk();
    rig.request(0).exchange->start({});
    rig.request(0).exchange->write(base::Chain::of("never seen"));
    rig.request(0).exchange->abort(reason);
    rig.talk();
    EXPECT_TRUE(rig.peer.reply(id).closed);
    EXPECT_EQ(rig.peer.reply(id).close_code, static_cast<std::uint32_t>(code));
    EXPECT_EQ(rig.request(0).aborts, 0);
    EXPECT_EQ(rig.connection.in_flight(), 0u);
  }
}

TEST(Http2Connection, TellsTheSinkThatThePeerCancelled) {
  Rig rig;
  const auto id = rig.peer.request("", true);
  rig.talk();
  rig.peer.reset(id);
  rig.talk();
  EXPECT_EQ(rig.request(0).aborts, 1);
  EXPECT_EQ(rig.connection.in_flight(), 0u);
}

TEST(Http2Connection, TellsEverySinkThatTheConnectionIsLost) {
  Rig rig;
  rig.peer.request("", true);
  rig.peer.request("partial", false);
  rig.talk();
  rig.connection.received_eof(rig.now);
  EXPECT_EQ(rig.request(0).aborts, 1);
  EXPECT_EQ(rig.request(1).aborts, 1);
  EXPECT_TRUE(rig.connection.finished());
  EXPECT_FALSE(rig.connection.wants_read());
  rig.connection.abort();
  EXPECT_EQ(rig.request(0).aborts, 1);
}

TEST(Http2Connection, DropsAResponseWhoseRequestWasResetAfterItWasPlanned) {
  Rig rig({}, {.settings = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1U << 20}}});
  const auto id = rig.peer.request("", true);
  rig.talk();
  rig.request(0).exchange->start({});
  rig.request(0).exchange->write(base::Chain::of(std::string(60'000, 'x')));
  // One frame leaves, the next is planned and finds no room.
  base::Chain& chain = rig.connection.output(1'000);
  const std::string first = chain.to_string();
  chain.consume(chain.size());
  rig.request(0).exchange->abort(http::AbortReason::kCancelled);
  EXPECT_TRUE(rig.peer.feed(first));
  rig.talk();
  EXPECT_TRUE(rig.peer.reply(id).closed);
}

TEST(Http2Connection, RefusesHeadersAboveTheLimitAndGoesOn) {
  Rig rig;
  const auto big = rig.peer.request("", true, {{"big", std::string(17'000, 'x')}});
  const auto good = rig.peer.request("", true);
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, "fine"); };
  rig.talk();
  EXPECT_EQ(rig.peer.reply(big).value(":status"), "431");
  EXPECT_EQ(rig.peer.reply(good).body, "fine");
  EXPECT_EQ(rig.handler.requests.size(), 1u);
}

TEST(Http2Connection, TakesMetadataWithBytesBeyondAsciiAndBlanksAround) {
  Rig rig;
  rig.peer.request("", true, {{"x-name", "n\xC3\xB6pe"}, {"x-blank", " v "}});
  rig.talk();
  ASSERT_EQ(rig.handler.requests.size(), 1u);
  EXPECT_EQ(rig.request(0).headers[0].second, "n\xC3\xB6pe");
  EXPECT_EQ(rig.request(0).headers[1].second, " v ");
}

TEST(Http2Connection, SendsContinueOnceIfItIsExpected) {
  Rig rig;
  const auto id = rig.peer.request("", false, {{"expect", "100-continue"}});
  rig.handler.on_open = [](Seen& seen) {
    seen.exchange->send_continue();
    seen.exchange->send_continue();
  };
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).head, (testing::Fields{{":status", "100"}}));
}

TEST(Http2Connection, TasksAfterTheEndOfTheConnectionAreHarmless) {
  auto rig = std::make_unique<Rig>();
  rig->peer.request("x", false);
  rig->talk();
  rig->request(0).exchange->pause_body();
  rig->request(0).exchange->resume_body();
  const auto strand = rig->strand;
  EXPECT_EQ(strand->task_count(), 1u);
  rig.reset();
  strand->run();
}

}  // namespace
}  // namespace tfe::http2
