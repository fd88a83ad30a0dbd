// Calls whose handler takes messages one at a time, and what a drain tells them.
#include "grpc/service_rig.h"

namespace tfe::grpc {
namespace {

// What the handler saw; it pauses at each message while `stop` is set.
struct Seen {
  std::vector<std::string> messages;
  int half_closes = 0;
  int drains = 0;
  bool stop = true;
};

class StoppingHandler final : public CallHandler {
 public:
  StoppingHandler(std::shared_ptr<Call> call, Seen& seen) : call_(std::move(call)), seen_(seen) {}
  void on_message(Message message) override {
    seen_.messages.emplace_back(base::as_text(message.bytes));
    if (seen_.stop) call_->pause();
  }
  void on_half_close() override { ++seen_.half_closes; }
  void on_cancel() override {}
  void on_drain() override { ++seen_.drains; }

 private:
  std::shared_ptr<Call> call_;
  Seen& seen_;
};

class GrpcPause : public testing::ServiceRig {
 protected:
  GrpcPause() {
    router.add("/s/Stop", [this](const std::shared_ptr<Call>& made, const Metadata&) {
      call = made;
      return std::make_shared<StoppingHandler>(made, seen);
    });
    open("/s/Stop");
  }
  static std::string framed(const std::string& text) {
    return frame_message(base::Chain::of(text)).to_string();
  }
  void resume() {
    call->resume();
    exchange.fake_strand().run();
  }

  using Messages = std::vector<std::string>;
  Seen seen;
  std::shared_ptr<Call> call;
};

TEST_F(GrpcPause, HoldsMessagesThatHaveArrived) {
  sink->on_body(base::as_bytes(framed("one") + framed("two") + framed("three") + framed("four")));
  EXPECT_EQ(seen.messages, Messages{"one"});
  EXPECT_EQ(exchange.pauses, 1);
  resume();
  EXPECT_EQ(seen.messages, (Messages{"one", "two"}));
  EXPECT_EQ(exchange.pauses, 1);
  seen.stop = false;
  resume();
  EXPECT_EQ(seen.messages, (Messages{"one", "two", "three", "four"}));
  EXPECT_EQ(exchange.pauses, 0);
  sink->on_body(base::as_bytes(framed("five")));
  EXPECT_EQ(seen.messages.size(), 5u);
}

TEST_F(GrpcPause, GoesOnInTheMiddleOfAMessage) {
  const std::string bytes = framed("one") + framed("a longer one");
  sink->on_body(base::as_bytes(bytes.substr(0, 15)));
  seen.stop = false;
  resume();
  EXPECT_EQ(seen.messages, Messages{"one"});
  EXPECT_EQ(exchange.pauses, 0);
  sink->on_body(base::as_bytes(bytes.substr(15)));
  EXPECT_EQ(seen.messages, (Messages{"one", "a longer one"}));
}

TEST_F(GrpcPause, APauseAfterAResumeWins) {
  sink->on_body(base::as_bytes(framed("one") + framed("two")));
  call->resume();
  call->pause();
  exchange.fake_strand().run();
  EXPECT_EQ(seen.messages, Messages{"one"});
  EXPECT_EQ(exchange.pauses, 1);
}

TEST_F(GrpcPause, EveryPauseOfTheExchangeIsGivenBackOnce) {
  call->pause();
  call->pause();
  EXPECT_EQ(exchange.pauses, 1);
  call->resume();
  call->resume();
  exchange.fake_strand().run();
  EXPECT_EQ(exchange.pauses, 0);
  resume();
  EXPECT_EQ(exchange.pauses, 0);
}

TEST_F(GrpcPause, AFinishedCallHoldsNothing) {
  sink->on_body(base::as_bytes(framed("one") + framed("two")));
  call->finish({});
  resume();
  EXPECT_EQ(seen.messages, Messages{"one"});
}

TEST_F(GrpcPause, HandlersHearOfADrain) {
  sink->on_drain();
  EXPECT_EQ(seen.drains, 1);
  call->finish({});
  sink->on_drain();
  EXPECT_EQ(seen.drains, 1);
}

}  // namespace
}  // namespace tfe::grpc
