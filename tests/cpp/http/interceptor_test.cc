#include "http/interceptor.h"

#include <gtest/gtest.h>

#include "http/recording.h"

namespace tfe::http {
namespace {

class Spy final : public Interceptor {
 public:
  Spy(Exchange& outer, std::vector<std::string>& events) : Interceptor(outer), events_(events) {}
  ~Spy() override { events_.push_back("gone"); }

 private:
  void request_body(base::Bytes piece) override {
    events_.push_back("in " + std::to_string(piece.size()));
  }
  void response_head(ResponseHead& head) override {
    events_.push_back("head " + std::to_string(head.status));
    head.headers.push_back({"x-spy", "yes"});
  }
  void response_body(base::Chain& piece) override {
    events_.push_back("out " + std::to_string(piece.size()));
    piece.append("!");
  }
  void response_trailers(Trailers& trailers) override { trailers.push_back({"x-end", "yes"}); }
  void ended(End how) override {
    events_.push_back("ended " + std::to_string(static_cast<int>(how)));
  }

  std::vector<std::string>& events_;
};

class InterceptorTest : public testing::Test {
 protected:
  struct Decorator final : Handler {
    explicit Decorator(InterceptorTest& to) : test(to) {}
    std::shared_ptr<RequestSink> on_request(const RequestHead& head, Exchange& outer) override {
      return Interceptor::run(std::make_shared<Spy>(outer, test.events), test.handler, head);
    }
    InterceptorTest& test;
  };

  using Events = std::vector<std::string>;
  Events events;
  CountingHandler handler;
  Decorator decorator{*this};
  RecordingExchange exchange;
};

TEST_F(InterceptorTest, PassesAWholeExchange) {
  exchange.run(decorator, {});
  const base::MutableBytes room = exchange.sink->body_buffer(5);
  EXPECT_EQ(room.data(), handler.last->buffer.data());
  exchange.sink->on_body(base::as_bytes("abc"));
  exchange.sink->on_end();
  exchange.sink->on_writable();
  exchange.sink->on_drain();
  EXPECT_EQ(handler.last->drains, 1);
  EXPECT_EQ(handler.last->body, "abc");
  EXPECT_EQ(handler.last->ends, 1);
  EXPECT_EQ(handler.last->writables, 1);
  Exchange& inner = handler.last->exchange;
  inner.send_continue();
  inner.pause_body();
  EXPECT_EQ(exchange.continues, 1);
  EXPECT_EQ(exchange.pauses, 1);
  inner.resume_body();
  EXPECT_EQ(exchange.pauses, 0);
  EXPECT_EQ(inner.unsent(), 77U);
  EXPECT_EQ(&inner.strand(), &exchange.strand());
  inner.respond({.status = 201, .headers = {}}, base::Chain::of("body"));
  EXPECT_EQ(exchange.header("x-spy"), "yes");
  EXPECT_EQ(exchange.body, "body!");
  EXPECT_EQ(events, (Events{"in 3", "head 201", "out 4", "ended 0", "gone"}));
  EXPECT_TRUE(handler.sink.expired());
}

TEST_F(InterceptorTest, PassesAStream) {
  exchange.run(decorator, {});
  Exchange& inner = handler.last->exchange;
  inner.start({});
  inner.write(base::Chain::of("a"));
  inner.write(base::Chain::of("bc"));
  inner.finish({});
  EXPECT_EQ(exchange.body, "a!bc!");
  EXPECT_EQ(exchange.trailers.size(), 1U);
  EXPECT_EQ(exchange.ending, "finish");
  EXPECT_EQ(events, (Events{"head 200", "out 1", "out 2", "ended 0", "gone"}));
}

TEST_F(InterceptorTest, PassesAnAnswerAtOnce) {
  handler.at_once = [](Exchange& inner) { inner.respond({}, {}); };
  exchange.run(decorator, {});
  EXPECT_EQ(exchange.ending, "respond");
  EXPECT_EQ(events, (Events{"head 200", "out 0", "ended 0", "gone"}));
}

TEST_F(InterceptorTest, SaysNothingOfWhatAnotherServerAnswers) {
  handler.at_once = [](Exchange& inner) { EXPECT_TRUE(inner.hand_over()); };
  exchange.takers = 1;
  exchange.run(decorator, {});
  EXPECT_EQ(exchange.ending, "hand_over");
  EXPECT_EQ(events, Events{"gone"});

  events.clear();
  RecordingExchange second;
  handler.at_once = [](Exchange& inner) {
    if (!inner.hand_over()) inner.respond({}, {});
  };
  second.run(decorator, {});
  EXPECT_EQ(second.ending, "respond") << "nobody took it";
  EXPECT_EQ(events, (Events{"head 200", "out 0", "ended 0", "gone"}));
}

TEST_F(InterceptorTest, TellsWhoGaveUp) {
  exchange.run(decorator, {});
  handler.last->exchange.abort(AbortReason::kInternal);
  EXPECT_EQ(exchange.ending, "abort");
  EXPECT_EQ(events, (Events{"ended 1", "gone"}));

  events.clear();
  RecordingExchange second;
  second.run(decorator, {});
  second.sink->on_abort();
  EXPECT_EQ(handler.last->aborts, 1);
  second.sink.reset();
  EXPECT_EQ(events, (Events{"ended 2", "gone"}));
}

// HTTP/2 bounds the requests that a client reset and that are still worked on; a decorator must not
// hide those.
TEST_F(InterceptorTest, ShowsTheWorkBehindIt) {
  exchange.run(decorator, {});
  const std::shared_ptr<RequestSink> working = handler.sink.lock();
  const std::weak_ptr<const void> work = exchange.sink->work(exchange.sink);
  exchange.sink->on_abort();
  exchange.sink.reset();
  EXPECT_FALSE(work.expired());
}

}  // namespace
}  // namespace tfe::http
