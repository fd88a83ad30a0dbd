// ModelStreamInfer: order, finals, errors.
#include "kserve_grpc/stream_rig.h"

namespace tfe::kserve_grpc {
namespace {

class Stream : public StreamRig {};

TEST_F(Stream, AnswersWithTheBytesOfTheWire) {
  open();
  send("ident", "a");
  const auto answer = wait(1).at(0);
  EXPECT_EQ(answer.bytes,
            bytes_field(2, bytes_field(1, "ident") + bytes_field(2, "1") + bytes_field(3, "a") +
                               map_field(4, "triton_final_response", bool_param(true)) +
                               bytes_field(5, bytes_field(1, "OUTPUT0") + bytes_field(2, "FP32") +
                                                  packed_field(3, {2})) +
                               bytes_field(6, float_text({1, 2}))));
  EXPECT_FALSE(exchange.done);
}

TEST_F(Stream, KeepsTheOrderOfRequestsAcrossModels) {
  open();
  send("slow", "1", knob("delay_ms", 50));
  send("ident", "2");
  send("nope", "3");
  send("ident", "4");
  wait(4);
  EXPECT_EQ(ids(), (Ids{"1", "2", "3", "4"}));
}

TEST_F(Stream, DecoupledModelsDoNotWaitInLine) {
  open();
  send("slow", "1", forever());
  send("repeat", "2", knob("responses", 3));
  const auto answers = wait(3);
  EXPECT_EQ(ids(), (Ids{"2", "2", "2"}));
  EXPECT_EQ(answers[0].final, false);
  EXPECT_EQ(answers[1].final, false);
  EXPECT_EQ(answers[2].final, true);
  EXPECT_EQ(answers[2].index, std::string("\2\0\0\0", 4));
  // Neither do refusals of requests to them.
  send_bytes(bytes_field(1, "repeat") + bytes_field(3, "3"));
  EXPECT_EQ(wait(4).back().id, "3");
  sink->on_abort();
  expect_nothing_left();
}

TEST_F(Stream, TellsABareEndToThoseWhoAsk) {
  open();
  const std::string separate =
      knob("responses", 1) + map_field(4, "final", string_param("separate"));
  const std::string ask = map_field(4, "triton_enable_empty_final_response", bool_param(true));
  send_bytes(request("repeat", "1", separate + ask));
  const auto answers = wait(2);
  EXPECT_EQ(answers[0].final, false);
  EXPECT_EQ(answers[1].bytes,
            bytes_field(2, bytes_field(1, "repeat") + bytes_field(3, "1") +
                               map_field(4, "triton_final_response", bool_param(true))));
  // None was sent, and this is the end: with the parameter, and without.
  send("repeat", "2", knob("responses", 0) + ask);
  EXPECT_EQ(wait(3).back().outputs, 0);
  send("repeat", "3", knob("responses", 0));
  sink->on_end();
  wait_end();
  EXPECT_EQ(ids(), (Ids{"1", "1", "2"}));
  EXPECT_EQ(exchange.status, 0);
}

TEST_F(Stream, AFinalFlagOnItsOwnMakesTheOneResponseFinal) {
  open();
  send("split", "1");
  const auto answer = wait(1).at(0);
  EXPECT_EQ(answer.final, true);
  EXPECT_EQ(answer.outputs, 1);
}

// The model is not declared as decoupled, but answers as it likes.
TEST_F(Stream, ACountOtherThanOneIsAnError) {
  open();
  send("odd", "1", knob("responses", 0));
  EXPECT_EQ(wait(1).at(0).error, "expected a single response, got 0");
  send("odd", "2", knob("responses", 3));
  const auto answer = wait(2).at(1);
  EXPECT_EQ(answer.error, "expected a single response, got 3");
  EXPECT_EQ(answer.final, true);
}

TEST_F(Stream, RefusalsTellTheIdOnly) {
  open();
  send("n\xC3\xB6pe", "7");
  const auto answer = wait(1).at(0);
  EXPECT_EQ(answer.bytes, bytes_field(1, answer.error) + bytes_field(2, bytes_field(3, "7")));
  EXPECT_NE(answer.error.find("n\xC3\xB6pe"), std::string::npos);
  send_bytes(bytes_field(1, "ident") + bytes_field(2, "x") + bytes_field(3, "8"));
  EXPECT_NE(wait(2).at(1).error.find("failed to get model version"), std::string::npos);
  EXPECT_FALSE(exchange.done);
}

TEST_F(Stream, ErrorsOfTheCoreNameTheRequestAsItWasWritten) {
  open();
  send("fail", "1");
  const auto answer = wait(1).at(0);
  EXPECT_EQ(answer.error, "the model fails on demand");
  EXPECT_EQ(answer.model, "fail");
  EXPECT_EQ(answer.version, "");
  EXPECT_EQ(answer.final, true);
  EXPECT_FALSE(exchange.done);
}

TEST_F(Stream, ErrorsEndTheStreamOfThoseWhoAsk) {
  const Headers headers{{"triton_grpc_error", "true"}};
  open({}, headers);
  send("repeat", "1", endless());
  send("slow", "2", forever());
  send("repeat", "3", knob("fail_at", 0));
  wait_end();
  EXPECT_EQ(exchange.status, 13);
  EXPECT_EQ(exchange.message, "the stream fails at response 0");
  expect_nothing_left();
}

TEST_F(Stream, SoDoRefusals) {
  const Headers headers{{"triton_grpc_error", "true"}};
  open({}, headers);
  send("slow", "1", forever());
  send("nope", "2");
  EXPECT_TRUE(exchange.done);
  EXPECT_EQ(exchange.status, 5);
  expect_nothing_left();
}

TEST_F(Stream, OtherValuesDoNotAsk) {
  const Headers headers{{"triton_grpc_error", "True"}};
  open({}, headers);
  send("fail", "1");
  EXPECT_EQ(wait(1).at(0).error, "the model fails on demand");
  EXPECT_FALSE(exchange.done);
}

// A worker lays out large typed contents, and nothing overtakes it.
TEST_F(Stream, KeepsTheOrderBehindLargeContents) {
  open();
  const std::string values = float_text(std::initializer_list<float>{1, 2, 3, 4});
  std::string large;
  while (large.size() < (2U << 20)) large += values;
  const auto count = static_cast<std::uint64_t>(large.size() / sizeof(float));
  const std::string heavy = bytes_field(1, "ident") + bytes_field(3, "1") +
                            input_field("INPUT0", "FP32", {count}, contents(bytes_field(6, large)));
  const std::string bad = bytes_field(1, "ident") + bytes_field(3, "3") +
                          input_field("INPUT0", "INT64", {count}, contents(bytes_field(6, large)));
  std::string all;
  for (const std::string& message :
       {heavy, request("ident", "2"), bad, heavy, request("ident", "5")}) {
    all += grpc::frame_message(base::Chain::of(message)).to_string();
  }
  sink->on_body(base::as_bytes(all));
  const auto answers = wait(5);
  EXPECT_EQ(ids(), (Ids{"1", "2", "3", "1", "5"}));
  EXPECT_EQ(answers[0].index, large);
  EXPECT_NE(answers[2].error.find("expected datatype 'INT64'"), std::string::npos);
  sink->on_end();
  wait_end();
  EXPECT_EQ(exchange.status, 0);
}

TEST_F(Stream, TakesMetadataOnForEveryRequest) {
  const Headers headers{{"x-tag", "blue"}};
  open_with(
      [](Context& context) {
        context.forwarding = kserve::HeaderForwarding::compile("x-").value();
      },
      headers);
  // The model is told by a parameter what to do.
  send("ident", "1");
  EXPECT_EQ(wait(1).at(0).error, "");
  const Headers reserved{{"priority", "7"}};
  open_with(
      [](Context& context) {
        context.forwarding = kserve::HeaderForwarding::compile(".*").value();
      },
      reserved);
  send("ident", "2");
  EXPECT_NE(wait(2).at(1).error.find("priority"), std::string::npos);
}

TEST_F(Stream, WhatIsNoMessageEndsIt) {
  for (const bool cut : {false, true}) {
    exchange = WaitingExchange();
    open();
    send("slow", "1", forever());
    if (cut) {
      sink->on_body(base::as_bytes(std::string("\0\0\0\0\7abc", 8)));
      sink->on_end();
    } else {
      send_bytes("\xFF\xFF");
    }
    EXPECT_TRUE(exchange.done);
    EXPECT_EQ(exchange.status, 13);
    EXPECT_EQ(exchange.message, "Unable to parse request");
    expect_nothing_left();
  }
}

}  // namespace
}  // namespace tfe::kserve_grpc
