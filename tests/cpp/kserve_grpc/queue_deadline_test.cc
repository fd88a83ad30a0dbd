// Deadlines as queue timeouts, on a real scheduler. The exchanges of these tests never run the
// timer of a call, so that what ends a request is the scheduler and not its cancellation.
#include "kserve_grpc/queue_deadline.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "base/clock.h"
#include "kserve_grpc/service_rig.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

constexpr std::chrono::milliseconds kDeadline{50};  // of "50m", from before the request is queued

// The core takes the shorter of a request's timeout and the default, and 0 for the shortest.
constexpr const char* kTimeouts =
    "dynamic_batching { default_queue_policy { timeout_action: REJECT "
    "default_timeout_microseconds: 3600000000 allow_timeout_override: true } }\n";

TestServer& core() {
  static auto* const shared = new TestServer(
      {{.name = "queued", .backend = "delay", .max_batch_size = 1, .extra = kTimeouts},
       {.name = "echo",
        .extra = "parameters { key: \"echo\" value { string_value: \"true\" } }\n"}});
  return *shared;
}

void enable(Context& context) { context.options.deadline_as_queue_timeout = true; }

std::string queued_request(std::int64_t delay_ms) {
  return bytes_field(1, "queued") + map_field(4, "delay_ms", int64_param(delay_ms)) +
         input_field("INPUT0", "FP32", {1, 2}) + raw_field(float_text({1, 2}));
}

std::string stream_message(const std::string& request) {
  return grpc::frame_message(base::Chain::of(request)).to_string();
}

// The timeout that a model sees, from a response of `echo`.
std::int64_t timeout_seen(const std::string& response) {
  for (const std::string& entry : values(response, 4)) {
    if (values(entry, 1) != std::vector<std::string>{"request.timeout_us"}) continue;
    const std::string choice = values(entry, 2).at(0);
    codec::ProtoReader value(base::as_bytes(choice));
    while (value.next()) return value.int64();
  }
  return 0;
}

// The model is busy until the deadline of `request` has passed, then free again.
void wait_behind_another(ServiceRig& rig, WaitingExchange& exchange) {
  WaitingExchange busy;
  const auto occupant = rig.open("ModelInfer", queued_request(3'600'000), busy);
  const auto sink = rig.open("ModelInfer", queued_request(0), exchange, {{"grpc-timeout", "50m"}});
  std::this_thread::sleep_until(base::Clock::now() + kDeadline);
  occupant->on_abort();
  while (!exchange.done) exchange.waiting->run_one();
}

TEST(QueueDeadlineTest, TheSchedulerRejectsWhatIsTooLate) {
  ServiceRig rig(core().server, enable);
  WaitingExchange late;
  wait_behind_another(rig, late);
  EXPECT_EQ(late.status, 4);
  EXPECT_EQ(late.message, "Deadline Exceeded");
}

TEST(QueueDeadlineTest, WithoutTheOptionItRuns) {
  ServiceRig rig(core().server);
  WaitingExchange late;
  wait_behind_another(rig, late);
  EXPECT_EQ(late.status, 0);
}

TEST(QueueDeadlineTest, AStreamThatEndsWithItsErrorsEndsWithTheDeadline) {
  ServiceRig rig(core().server, enable);
  WaitingExchange busy;
  const auto occupant = rig.open("ModelInfer", queued_request(3'600'000), busy);
  WaitingExchange late;
  const auto sink =
      rig.start("ModelStreamInfer", late, {{"grpc-timeout", "50m"}, {"triton_grpc_error", "true"}});
  sink->on_body(base::as_bytes(stream_message(queued_request(0))));
  std::this_thread::sleep_until(base::Clock::now() + kDeadline);
  occupant->on_abort();
  while (!late.done) late.waiting->run_one();
  EXPECT_EQ(late.status, 4);
  EXPECT_EQ(late.message, "Deadline Exceeded");
}

TEST(QueueDeadlineTest, ModelsSeeWhatIsLeft) {
  ServiceRig rig(core().server, enable);
  const std::string request = float_request("echo");
  const auto seen = timeout_seen(rig.call("ModelInfer", request, {{"grpc-timeout", "30S"}}).body);
  EXPECT_GT(seen, 0);
  EXPECT_LE(seen, 30'000'000);
  EXPECT_EQ(timeout_seen(rig.call("ModelInfer", request).body), 0) << "no deadline";
}

TEST(QueueDeadlineTest, ATimeoutOfTheRequestStands) {
  ServiceRig rig(core().server, enable);
  const std::string request =
      float_request("echo", map_field(4, "timeout", int64_param(77'000'000)));
  EXPECT_EQ(timeout_seen(rig.call("ModelInfer", request, {{"grpc-timeout", "30S"}}).body),
            77'000'000);
}

TEST(QueueDeadlineTest, OffByDefault) {
  ServiceRig rig(core().server);
  const auto answer = rig.call("ModelInfer", float_request("echo"), {{"grpc-timeout", "30S"}});
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(timeout_seen(answer.body), 0);
}

}  // namespace
}  // namespace tfe::kserve_grpc
