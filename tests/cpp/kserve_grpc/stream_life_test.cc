// ModelStreamInfer: its end, cancellation, drain, and what holds clients back.
#include "kserve_grpc/stream_rig.h"

namespace tfe::kserve_grpc {
namespace {

class StreamLife : public StreamRig {};

constexpr int kResourceExhausted = 8;
constexpr int kUnavailable = 14;

TEST_F(StreamLife, EndsAtOnceIfNothingWasAsked) {
  open();
  sink->on_end();
  EXPECT_TRUE(exchange.done);
  EXPECT_EQ(exchange.status, 0);
}

TEST_F(StreamLife, AnswersEverythingAfterAHalfClose) {
  open();
  send("slow", "1", knob("delay_ms", 20));
  send("repeat", "2", knob("responses", 5) + knob("interval_ms", 10));
  sink->on_end();
  EXPECT_FALSE(exchange.done);
  wait_end();
  EXPECT_EQ(answers().size(), 6u);
  EXPECT_EQ(exchange.status, 0);
  expect_nothing_left();
}

TEST_F(StreamLife, EndsWhenEverythingWasAnsweredBefore) {
  open();
  send("ident", "1");
  wait(1);
  EXPECT_FALSE(exchange.done);
  sink->on_end();
  EXPECT_TRUE(exchange.done);
}

TEST_F(StreamLife, CancelsItsRequestsWhenTheClientIsGone) {
  open();
  send("repeat", "1", endless());
  send("slow", "2", forever());
  send("slow", "3", forever());
  sink->on_abort();
  expect_nothing_left();
  EXPECT_EQ(exchange.body, "");
}

TEST_F(StreamLife, ADrainEndsIdleStreams) {
  open();
  send("ident", "1");
  wait(1);
  sink->on_drain();
  EXPECT_EQ(exchange.status, kUnavailable);
  EXPECT_EQ(exchange.message,
            "GRPC server is shutting down and has stopped accepting new requests.");
}

TEST_F(StreamLife, ADrainLetsBusyStreamsFinishAndTakesNothingNew) {
  open();
  send("slow", "1", knob("delay_ms", 50));
  sink->on_drain();
  send("ident", "2");
  wait_end();
  EXPECT_EQ(ids(), (Ids{"1", "2"}));
  EXPECT_EQ(answers()[0].error, "");
  EXPECT_EQ(answers()[1].error,
            "GRPC server is shutting down and has stopped accepting new requests.");
  EXPECT_EQ(exchange.status, kUnavailable);
}

TEST_F(StreamLife, ADrainWithGraceTakesRequestsUntilSilence) {
  StreamLimits limits;
  limits.drain_grace = std::chrono::seconds(1);
  open(limits);
  auto& timers = static_cast<WaitingStrand&>(*exchange.strand()).timers;
  timers.clear();
  sink->on_drain();
  ASSERT_EQ(timers.size(), 1U);
  send("ident", "1");
  wait(1);
  http::Strand::Task first = std::move(timers[0]);
  first();
  ASSERT_EQ(timers.size(), 2U);  // it was not silent
  http::Strand::Task second = std::move(timers[1]);
  second();
  EXPECT_EQ(exchange.status, kUnavailable);
  EXPECT_EQ(answers()[0].error, "");
}

TEST_F(StreamLife, ADrainWithGraceEnds) {
  StreamLimits limits;
  limits.drain_grace = std::chrono::seconds(1);
  open(limits);
  auto& timers = static_cast<WaitingStrand&>(*exchange.strand()).timers;
  timers.clear();
  sink->on_drain();
  for (std::size_t round = 0; round < 5; ++round) {
    ASSERT_EQ(timers.size(), round + 1);
    send("ident", std::to_string(round));
    wait(round + 1);
    http::Strand::Task due = std::move(timers[round]);
    due();
  }
  EXPECT_EQ(timers.size(), 5U);
  EXPECT_EQ(exchange.status, kUnavailable);
}

TEST_F(StreamLife, ReadsNoFurtherThanItsRequestsMayBe) {
  StreamLimits limits;
  limits.max_inflight_requests = 2;
  open(limits);
  std::string all;
  for (const char* id : {"1", "2", "3", "4", "5"}) {
    all +=
        grpc::frame_message(base::Chain::of(request("slow", id, knob("delay_ms", 5)))).to_string();
  }
  sink->on_body(base::as_bytes(all));
  EXPECT_EQ(exchange.pauses, 1);
  EXPECT_EQ(wait(5).size(), 5u);
  EXPECT_EQ(ids(), (Ids{"1", "2", "3", "4", "5"}));
  while (exchange.pauses > 0) exchange.waiting->run_one();
}

// Refusals that wait behind a slow request are in work, too.
TEST_F(StreamLife, RefusalsInLineCount) {
  StreamLimits limits;
  limits.max_inflight_requests = 3;
  open(limits);
  send("slow", "1", forever());
  send("nope", "2");
  EXPECT_EQ(exchange.pauses, 0);
  send("nope", "3");
  EXPECT_EQ(exchange.pauses, 1);
  sink->on_abort();
  expect_nothing_left();
}

TEST_F(StreamLife, ASlowReaderIsNotHeard) {
  StreamLimits limits;
  limits.max_backlog = 1'000;
  open(limits);
  exchange.unread = 600;
  send("ident", "1");
  EXPECT_EQ(exchange.pauses, 1);
  wait(1);
  exchange.unread = 0;
  sink->on_writable();
  while (exchange.pauses > 0) exchange.waiting->run_one();
  EXPECT_FALSE(exchange.done);
}

TEST_F(StreamLife, TheStreamOfADecoupledModelEndsAtItsBacklog) {
  StreamLimits limits;
  limits.max_backlog = 1'000;
  open(limits);
  send("repeat", "1", knob("responses", 1'000'000'000));
  send("slow", "2", forever());
  // All that the core delivers waits: the test runs nothing until the limit must be reached.
  exchange.unread = 2'000;
  wait_end();
  EXPECT_EQ(exchange.status, kResourceExhausted);
  EXPECT_EQ(exchange.message,
            "the client reads too slowly: more than 1000 bytes of the stream wait for it "
            "(max_stream_backlog)");
  // What was produced before is sent, and nothing is left out of it.
  std::int32_t next = 0;
  for (const StreamAnswer& answer : answers()) {
    std::int32_t index = -1;
    ASSERT_EQ(answer.index.size(), sizeof index);
    std::memcpy(&index, answer.index.data(), sizeof index);
    EXPECT_EQ(index, next++);
  }
  EXPECT_GT(next, 0);
  expect_nothing_left();
}

// Every request has its share of the frontend's caps, until it is answered.
TEST_F(StreamLife, RequestsAreCounted) {
  open_with([](Context& context) { context.admission = kserve::Admission({.max_requests = 1}); });
  send("slow", "1", knob("delay_ms", 20));
  send("ident", "2");
  wait(2);
  EXPECT_EQ(ids(), (Ids{"1", "2"}));
  EXPECT_EQ(answers()[0].error, "");
  EXPECT_NE(answers()[1].error.find("max_inflight_requests"), std::string::npos);
  EXPECT_EQ(service->context->admission.requests(), 0u);
  send("ident", "3");
  EXPECT_EQ(wait(3).at(2).error, "");
  send("repeat", "4", endless());
  EXPECT_EQ(service->context->admission.requests(), 1u);
  sink->on_abort();
  expect_nothing_left();
  EXPECT_EQ(service->context->admission.requests(), 0u);
}

// A client that waits for one large response is not a slow reader.
TEST_F(StreamLife, OneResponseMayExceedTheBacklog) {
  StreamLimits limits;
  limits.max_backlog = 10;
  open(limits);
  send("repeat", "1");
  sink->on_end();
  wait_end();
  EXPECT_EQ(exchange.status, 0);
  EXPECT_EQ(answers().size(), 1u);
}

}  // namespace
}  // namespace tfe::kserve_grpc
