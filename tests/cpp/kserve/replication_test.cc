#include "kserve/replication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <optional>
#include <string>
#include <vector>

#include "kserve/extensions.h"
#include "triton/core_fixture.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tfe::testing::check;
using tfe::testing::ShmObject;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

class ReplicationTest : public ::testing::Test {
 protected:
  // Registers a region; what it is answered lands in `answers`.
  void ask(const std::string& name) {
    change(*core.server, *extensions, RegisterSystem{name, {object.key(), 0, 64}},
           [this](base::Status status) {
             answers.push_back(status ? "done" : status.error().message);
           });
  }
  std::size_t regions() const {
    return unwrap(extensions->shared_memory.status(RegionKind::kSystem, "")).size();
  }

  TestServer core{{{.name = "identity"}}};
  std::shared_ptr<Extensions> extensions = extensions_of(*core.server);
  ShmObject object{64};
  std::vector<std::string> answers;
};

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}

TEST_F(ReplicationTest, CallsAreCarriedOutAtOnceWithoutIt) {
  ask("r");
  EXPECT_THAT(answers, ::testing::ElementsAre("done"));
  EXPECT_EQ(regions(), 1U);
  ask("r");
  EXPECT_THAT(answers.back(), HasSubstr("already"));
}

struct Hosting : ModelHosting {
  base::Status host(const HostModel& model, bool repeated) override {
    called.push_back(model.name + " " + model.url + " " + model.target + (repeated ? "!" : ""));
    return {};
  }
  base::Status unhost(const UnhostModel& model) override {
    called.push_back(model.name);
    return base::fail(base::Code::kNotFound, "not loaded");
  }
  std::vector<std::string> called;
};

TEST_F(ReplicationTest, HostedModelsAreTheBusinessOfAFrontend) {
  const auto call = [this](const ControlCall& wanted, Origin origin = Origin::kClient) {
    const auto status = carry_out(*core.server, *extensions, wanted, origin);
    return status ? "done" : status.error().message;
  };
  const HostModel model{"0a1b", "/models/0a1b", "net"};
  EXPECT_EQ(call(model), "no frontend of this server hosts models");
  auto hosting = std::make_shared<Hosting>();
  extensions->hosting.set(hosting);
  EXPECT_EQ(call(model), "done");
  EXPECT_EQ(call(UnhostModel{"2c3d"}), "not loaded");
  EXPECT_EQ(call(model, Origin::kRepeated), "done");
  EXPECT_EQ(call(UnhostModel{"2c3d"}, Origin::kReplay), "done") << "as wanted";
  EXPECT_THAT(hosting->called, ::testing::ElementsAre("0a1b /models/0a1b net", "2c3d",
                                                      "0a1b /models/0a1b net!", "2c3d"));
  hosting.reset();
  EXPECT_EQ(call(UnhostModel{"2c3d"}), "no frontend of this server hosts models");
}

TEST_F(ReplicationTest, CallsWaitForWhoeverTakesThem) {
  Replication& replication = extensions->replication;
  const int fd = unwrap(replication.begin(8));
  EXPECT_FALSE(readable(fd));
  ask("one");
  ask("two");
  EXPECT_TRUE(readable(fd));
  const auto taken = replication.take();
  EXPECT_FALSE(readable(fd));
  ASSERT_THAT(taken, SizeIs(2));
  EXPECT_EQ(std::get<RegisterSystem>(taken[1].call).name, "two");
  EXPECT_THAT(answers, IsEmpty());
  EXPECT_EQ(regions(), 0U);

  check(carry_out(*core.server, *extensions, taken[1].call));
  replication.finish(taken[1].id, {});
  replication.finish(taken[0].id, base::fail(base::Code::kUnavailable, "not now"));
  replication.finish(taken[0].id, {});
  replication.finish(77, {});
  EXPECT_THAT(answers, ::testing::ElementsAre("done", "not now"));
  EXPECT_EQ(regions(), 1U);
  EXPECT_THAT(replication.take(), IsEmpty());
}

TEST_F(ReplicationTest, CallsBeyondTheLimitAreRefused) {
  Replication& replication = extensions->replication;
  ASSERT_TRUE(replication.begin(1));
  EXPECT_FALSE(replication.begin(1));
  ask("one");
  ask("two");
  EXPECT_THAT(answers, ::testing::ElementsAre(HasSubstr("limit 1")));
  // Taken is not finished.
  const auto taken = replication.take();
  ask("three");
  EXPECT_THAT(answers, SizeIs(2));
  replication.finish(taken[0].id, {});
  ask("four");
  EXPECT_THAT(replication.take(), SizeIs(1));
}

TEST_F(ReplicationTest, AfterItsEndCallsAreCarriedOutAtOnce) {
  Replication& replication = extensions->replication;
  ASSERT_TRUE(replication.begin(8));
  ask("one");
  replication.end();
  ask("two");
  EXPECT_THAT(answers, ::testing::ElementsAre("done"));
  const auto left = replication.take();
  ASSERT_THAT(left, SizeIs(1));
  replication.finish(left[0].id, {});
  EXPECT_THAT(answers, SizeIs(2));
}

// A model that is not loaded has no settings for a client; those that are repeated wait for it.
TEST_F(ReplicationTest, RepeatedTraceSettingsDoNotNeedTheModel) {
  const ChangeTrace wanted{"absent", {.rate = 7U}};
  EXPECT_FALSE(carry_out(*core.server, *extensions, wanted));
  check(carry_out(*core.server, *extensions, wanted, Origin::kReplay));
  EXPECT_EQ(extensions->tracing.settings("absent").rate, 7U);
}

}  // namespace
}  // namespace tfe::kserve
