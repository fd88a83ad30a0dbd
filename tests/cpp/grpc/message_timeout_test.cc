// Messages that begin and do not go on.
#include <gtest/gtest.h>

#include "grpc/fake_exchange.h"
#include "grpc/router.h"

namespace tfe::grpc {
namespace {

using std::chrono::milliseconds;
using testing::FakeExchange;

class Quiet final : public CallHandler {
 public:
  explicit Quiet(int& cancels) : cancels_(cancels) {}
  void on_message(Message) override {}
  void on_half_close() override {}
  void on_cancel() override { ++cancels_; }

 private:
  int& cancels_;
};

class GrpcMessageTimeout : public ::testing::Test {
 protected:
  GrpcMessageTimeout() : router_(options()) {
    router_.add("/s/Quiet", [this](const std::shared_ptr<Call>& call, const Metadata&) {
      call_ = call;
      return std::make_shared<Quiet>(cancels_);
    });
    http::RequestHead head;
    head.method = "POST";
    head.target = "/s/Quiet";
    sink_ = router_.on_request(head, exchange_);
  }
  RouterOptions options() {
    RouterOptions options;
    options.message_timeout = milliseconds(1'000);
    options.now = [this] { return now_; };
    return options;
  }
  void receive(std::string_view bytes) { sink_->on_body(base::as_bytes(bytes)); }
  void pass(milliseconds time) {
    now_ += time;
    exchange_.fake_strand().run_timers(now_);
  }

  base::TimePoint now_{std::chrono::hours(1)};
  FakeExchange exchange_;
  int cancels_ = 0;
  Router router_;
  std::shared_ptr<Call> call_;
  std::shared_ptr<http::RequestSink> sink_;
};

TEST_F(GrpcMessageTimeout, EndsACallWhoseMessageStops) {
  receive(std::string_view("\0\0\0\0\5he", 7));
  pass(milliseconds(999));
  EXPECT_EQ(exchange_.finishes, 0);
  pass(milliseconds(1));
  EXPECT_EQ(exchange_.value("grpc-status"), "4");
  EXPECT_EQ(exchange_.value("grpc-message"), "no byte of the request message came for 1000 ms");
  EXPECT_EQ(cancels_, 1);
  EXPECT_EQ(exchange_.fake_strand().timer_count(), 0u);
}

TEST_F(GrpcMessageTimeout, LetsSlowMessagesTakeTheirTime) {
  receive(std::string_view("\0\0\0\0\x20", 5));
  for (int i = 0; i < 20; ++i) {
    receive("x");
    pass(milliseconds(900));
  }
  EXPECT_EQ(exchange_.finishes, 0);
}

TEST_F(GrpcMessageTimeout, SaysHowMuchIsToCome) {
  receive(std::string_view("\0\0\1\0\0", 5));
  EXPECT_EQ(exchange_.expected, 65'536u);
  receive("abc");
  EXPECT_EQ(exchange_.expected, 65'533u);
}

TEST_F(GrpcMessageTimeout, DoesNotCountTimeBetweenMessages) {
  receive(std::string_view("\0\0\0\0\2a", 6));
  receive("b");
  for (int i = 0; i < 5; ++i) pass(milliseconds(1'000));
  EXPECT_EQ(exchange_.finishes, 0);
  EXPECT_EQ(exchange_.fake_strand().timer_count(), 0u);
}

TEST_F(GrpcMessageTimeout, DoesNotCountTimeThatTheServerTakes) {
  receive(std::string_view("\0\0\0\0\2a", 6));
  call_->pause();
  for (int i = 0; i < 5; ++i) pass(milliseconds(1'000));
  EXPECT_EQ(exchange_.finishes, 0);
  call_->resume();
  exchange_.fake_strand().run();
  for (int i = 0; i < 2; ++i) pass(milliseconds(1'000));
  EXPECT_EQ(exchange_.finishes, 1);
}

}  // namespace
}  // namespace tfe::grpc
