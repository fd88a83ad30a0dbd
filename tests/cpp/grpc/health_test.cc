// grpc.health.v1.Health on a router.
#include "grpc/health.h"

#include "grpc/service_rig.h"

namespace tfe::grpc {
namespace {

using Messages = std::vector<std::string>;

const std::string kServing = "\x08\x01";
const std::string kNotServing = "\x08\x02";
const std::string kServiceUnknown = "\x08\x03";
const std::string kOurs = "\x0A\x03s.S";
const std::string kOther = "\x0A\x03s.T";

class GrpcHealth : public testing::ServiceRig {
 protected:
  GrpcHealth() {
    HealthOptions options;
    options.ready = [this] {
      ++looks;
      return ready;
    };
    options.services = {"s.S"};
    options.now = [this] { return now; };
    add_health(router, std::move(options));
  }

  Messages check(const std::string& request) {
    open("/grpc.health.v1.Health/Check");
    send(request);
    return take();
  }
  void watch(const std::string& request = {}) {
    open("/grpc.health.v1.Health/Watch");
    send(request);
    sink->on_end();
  }
  void pass(base::Duration time) {
    now += time;
    exchange.fake_strand().run_timers(now);
  }

  base::Result<bool> ready = true;
  int looks = 0;
};

TEST_F(GrpcHealth, ChecksTheServerWhateverTheServiceIsCalled) {
  EXPECT_EQ(check(""), Messages{kServing});
  EXPECT_EQ(check(kOther), Messages{kServing});
  ready = false;
  EXPECT_EQ(check(""), Messages{kNotServing});
  ready = base::fail(base::Code::kUnavailable, "Server exiting");
  EXPECT_EQ(check(""), Messages{});
  EXPECT_EQ(status(), "14");
  EXPECT_EQ(exchange.value("grpc-message"), "Server exiting");
}

TEST_F(GrpcHealth, RefusesWhatIsNoRequest) {
  for (const char* method : {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}) {
    open(method);
    send("\xFF");
    EXPECT_EQ(status(), "13") << method;
    open(method);
    sink->on_end();
    EXPECT_EQ(status(), "13") << method;
  }
}

TEST_F(GrpcHealth, WatchTellsTheStateAtOnceAndThenEachChange) {
  watch();
  EXPECT_EQ(take(), Messages{kServing});
  pass(std::chrono::seconds(1));
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(take(), Messages{});
  ready = false;
  pass(std::chrono::seconds(1));
  EXPECT_EQ(take(), Messages{kNotServing});
  ready = base::fail(base::Code::kUnavailable, "Server exiting");
  pass(std::chrono::seconds(1));
  EXPECT_EQ(take(), Messages{});
  ready = true;
  pass(std::chrono::seconds(1));
  EXPECT_EQ(take(), Messages{kServing});
  EXPECT_EQ(exchange.finishes, 0);
}

TEST_F(GrpcHealth, WatchKnowsServicesByTheirNames) {
  watch(kOurs);
  EXPECT_EQ(take(), Messages{kServing});
  watch(kOther);
  EXPECT_EQ(take(), Messages{kServiceUnknown});
  EXPECT_EQ(exchange.finishes, 0);
  EXPECT_EQ(exchange.fake_strand().timer_count(), 0u);
}

TEST_F(GrpcHealth, WatchEndsWithTheServer) {
  watch();
  take();
  sink->on_drain();
  EXPECT_EQ(take(), Messages{kNotServing});
  EXPECT_EQ(status(), "14");
  EXPECT_EQ(exchange.fake_strand().timer_count(), 0u);
}

TEST_F(GrpcHealth, WatchLooksNoMoreWhenItsClientIsGone) {
  watch();
  sink->on_abort();
  EXPECT_EQ(exchange.fake_strand().timer_count(), 0u);
  EXPECT_EQ(router.calls(), 1u);
  sink.reset();
  EXPECT_EQ(router.calls(), 0u);
}

TEST_F(GrpcHealth, AWatcherThatReadsNothingCostsNothing) {
  watch();
  take();
  exchange.waiting = 1U << 20;
  ready = false;
  pass(std::chrono::seconds(1));
  EXPECT_EQ(take(), Messages{});
  exchange.waiting = 0;
  pass(std::chrono::seconds(1));
  EXPECT_EQ(take(), Messages{kNotServing});
}

}  // namespace
}  // namespace tfe::grpc
