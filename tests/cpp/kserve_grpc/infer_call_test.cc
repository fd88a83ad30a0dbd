// ModelInfer beyond its message: caps, traces, typed contents in bulk, requests in a queue.
#include "kserve_grpc/infer_call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>
#include <sstream>

#include "kserve_grpc/service_rig.h"
#include "kserve_grpc/unary.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h
using ::testing::HasSubstr;
using ::testing::Not;

TestServer& core() {
  static auto* const shared = new TestServer({{.name = "m"},
                                              {.name = "slow", .backend = "delay"},
                                              {.name = "small", .type = "TYPE_INT8"}});
  return *shared;
}

std::string slow_request() {
  return float_request("slow", map_field(4, "delay_ms", int64_param(3'600'000)));
}

TEST(InferCallTest, TheCapOnRequestsHoldsUntilTheAnswer) {
  ServiceRig rig(core().server, [](Context& context) {
    context.admission = kserve::Admission({.max_requests = 1});
  });
  WaitingExchange waiting;
  const auto sink = rig.open("ModelInfer", slow_request(), waiting);
  WaitingExchange refused;
  rig.start("ModelInfer", refused);
  EXPECT_TRUE(refused.done) << "at its head";
  EXPECT_EQ(refused.status, 8);
  EXPECT_EQ(refused.message, "too many inference requests in flight (max_inflight_requests is 1)");
  sink->on_abort();
  waiting.waiting->run_one();
  EXPECT_EQ(rig.context->admission.requests(), 0U);
  EXPECT_EQ(rig.call("ModelInfer", float_request("m")).status, 0);
  EXPECT_EQ(rig.context->admission.requests(), 0U);
  EXPECT_EQ(rig.call("ModelInfer", float_request("nope")).status, 5);
  EXPECT_EQ(rig.context->admission.requests(), 0U);
  // What does not run a model is not capped.
  EXPECT_EQ(rig.call("ServerLive").status, 0);
}

TEST(InferCallTest, TheCapOnBytesCountsMessages) {
  ServiceRig rig(core().server, [](Context& context) {
    context.admission = kserve::Admission({.max_bytes = 1000});
  });
  WaitingExchange waiting;
  const std::string padding = map_field(4, "x", string_param(std::string(600, 'x')));
  const auto sink = rig.open("ModelInfer", slow_request() + padding, waiting);
  const Answer refused = rig.call("ModelInfer", float_request("m", padding));
  EXPECT_EQ(refused.status, 8);
  EXPECT_EQ(refused.message, "too many bytes of requests in flight (max_inflight_bytes is 1000)");
  EXPECT_EQ(rig.call("ModelInfer", float_request("m")).status, 0);
  EXPECT_EQ(rig.call("ModelInfer", float_request("m", padding + padding)).status, 3);
  // The files of a model may come in one message.
  const std::string files = map_field(3, "file:1/m", bytes_field(4, std::string(600, 'x')));
  EXPECT_EQ(rig.call("RepositoryModelLoad", bytes_field(2, "n") + files).status, 8);
  sink->on_abort();
  waiting.waiting->run_one();
  EXPECT_EQ(rig.context->admission.bytes(), 0U);
  EXPECT_EQ(rig.call("RepositoryModelLoad", bytes_field(2, "n") + files).status, 14);
  EXPECT_EQ(rig.context->admission.bytes(), 0U);
}

TEST(InferCallTest, MuchTypedContentIsLaidOutByAWorker) {
  ServiceRig rig(core().server);
  const std::string list((std::size_t{1} << 20) + 1, '\x05');
  const auto request = [&](const std::string& packed) {
    return bytes_field(1, "small") +
           input_field("INPUT0", "INT8", {packed.size()}, contents(bytes_field(2, packed)));
  };
  const Answer answer = rig.call("ModelInfer", request(list));
  EXPECT_EQ(answer.status, 0) << answer.message;
  EXPECT_EQ(values(answer.body, 6), std::vector{list});
  const Answer refused =
      rig.call("ModelInfer", bytes_field(1, "small") + input_field("INPUT0", "INT16", {1},
                                                                   contents(bytes_field(4, list))));
  EXPECT_EQ(refused.status, 3);
  EXPECT_THAT(refused.message, HasSubstr("expected datatype 'INT16'"));
  // The client leaves while the worker has it.
  WaitingExchange gone;
  const auto sink = rig.open("ModelInfer", request(list), gone);
  sink->on_abort();
  gone.waiting->run_one();
  EXPECT_EQ(rig.context->admission.requests(), 0U);
}

TEST(InferCallTest, SurplusRawContentsAreAccepted) {
  ServiceRig rig(core().server);
  const Answer answer = rig.call("ModelInfer", float_request("m") + raw_field("more"));
  EXPECT_EQ(answer.status, 0) << answer.message;
  EXPECT_EQ(values(answer.body, 6), std::vector{float_text({1, 2})});
}

std::string file_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(InferCallTest, ATraceTellsWhatTheCallSaw) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/trace.json";
  ServiceRig rig(core().server);
  kserve::Tracing& tracing = rig.context->inference.extensions().tracing;
  kserve::TraceSettings settings;
  settings.levels = triton::kTraceTimestamps;
  settings.rate = 1000;
  settings.file = file;
  settings.parent_based = true;
  check(tracing.configure(settings));
  EXPECT_EQ(rig.call("ModelInfer", float_request("m")).status, 0);
  // Only this one asks to be traced. What follows the flag in the metadata is not part of it.
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(rig.call("ModelInfer", float_request("m"),
                     {{"traceparent", std::string_view(parent)}, {"tracestate", "a=b"}})
                .status,
            0);
  // The core may hold a trace a moment longer than its response.
  const auto end = std::chrono::steady_clock::now() + testing::kPatience;
  while (triton::Trace::alive() > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  kserve::TraceUpdate off;
  off.levels = std::uint32_t{0};
  unwrap(tracing.update("", off));
  const std::string text = file_text(file);
  for (const char* activity : {"GRPC_WAITREAD_START", "GRPC_WAITREAD_END", "REQUEST_START",
                               "INFER_RESPONSE_COMPLETE", "GRPC_SEND_START", "GRPC_SEND_END"}) {
    EXPECT_THAT(text, HasSubstr(activity));
  }
  EXPECT_THAT(text, Not(HasSubstr("HTTP_")));
  EXPECT_EQ(text.find("GRPC_WAITREAD_START"), text.rfind("GRPC_WAITREAD_START"));
  check(tracing.configure({}));
}

TEST(TraceHooksTest, OneTraceparentCounts) {
  const auto context = [](const Headers& headers) {
    return trace_context_of(grpc::Metadata(headers));
  };
  const auto both = context({{"traceparent", "p"}, {"tracestate", "a=1"}, {"tracestate", "b=2"}});
  EXPECT_EQ(both.traceparent, "p");
  EXPECT_EQ(both.tracestate, "a=1,b=2");
  EXPECT_EQ(context({{"traceparent", "p"}, {"traceparent", "q"}}).traceparent, "");
  EXPECT_EQ(context({{"tracestate", "a=1"}}).tracestate, "");
}

// A load whose client has left is not begun, however long it waited.
TEST(UnaryTest, WhatWaitsForAThreadIsNotBegunForAClientThatLeft) {
  kserve::Executor executor(1, 10);
  grpc::Router router;
  std::promise<void> release;
  std::atomic<int> begun = 0;
  add_blocking(
      router, "/s/wait",
      [&, released = release.get_future().share()](base::Bytes) -> base::Result<std::string> {
        ++begun;
        released.wait();
        return std::string("x");
      },
      {executor, {}}, Lane::kSlow);
  const auto open = [&](WaitingExchange& exchange) {
    http::RequestHead head;
    head.method = "POST";
    head.target = "/s/wait";
    auto sink = router.on_request(head, exchange);
    sink->on_body(base::as_bytes(std::string_view("\0\0\0\0\0", 5)));
    sink->on_end();
    return sink;
  };
  WaitingExchange first;
  WaitingExchange gone;
  WaitingExchange last;
  const auto a = open(first);
  const auto b = open(gone);
  const auto c = open(last);
  b->on_abort();
  release.set_value();
  first.waiting->run_one();
  last.waiting->run_one();
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(last.status, 0);
  EXPECT_FALSE(gone.done);
  EXPECT_EQ(begun, 2);
}

}  // namespace
}  // namespace tfe::kserve_grpc
