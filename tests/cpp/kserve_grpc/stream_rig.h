// A ModelStreamInfer call on the real core, its answers taken apart.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/proto_reader.h"
#include "grpc/framing.h"
#include "kserve_grpc/service_rig.h"
#include "kserve_grpc/waiting_exchange.h"
#include "kserve_grpc/wire.h"

namespace tfe::kserve_grpc {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

// A ModelStreamInferResponse.
struct StreamAnswer {
  std::string bytes;
  std::string error;
  std::string model, version, id;
  std::optional<bool> final;
  int outputs = 0;
  std::string index;  // the raw bytes of the last output
};

inline std::optional<bool> final_of(base::Bytes entry) {
  std::vector<WireParameter> parameters;
  if (!parse_parameter(entry, parameters)) return std::nullopt;
  if (parameters.at(0).key != "triton_final_response") return std::nullopt;
  return std::get<bool>(parameters.at(0).value);
}

inline StreamAnswer read_stream_answer(std::string bytes) {
  using codec::field_key;
  using codec::Wire;
  StreamAnswer answer;
  base::Bytes inner;
  codec::ProtoReader outer(base::as_bytes(bytes));
  while (outer.next()) {
    if (outer.key() == field_key(1, Wire::kBytes)) answer.error = outer.text();
    if (outer.key() == field_key(2, Wire::kBytes)) inner = outer.bytes();
  }
  codec::ProtoReader reader(inner);
  while (reader.next()) {
    if (reader.number() == 1) answer.model = reader.text();
    if (reader.number() == 2) answer.version = reader.text();
    if (reader.number() == 3) answer.id = reader.text();
    if (reader.number() == 4) answer.final = final_of(reader.bytes());
    if (reader.number() == 5) ++answer.outputs;
    if (reader.number() == 6) answer.index = base::as_text(reader.bytes());
  }
  EXPECT_FALSE(outer.failed() || reader.failed());
  answer.bytes = std::move(bytes);
  return answer;
}

class StreamRig : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string decoupled = "model_transaction_policy { decoupled: true }\n";
    const std::string index = "output [{ name: \"INDEX\" data_type: TYPE_INT32 dims: [1] }]\n";
    core_ = new TestServer({{.name = "ident"},
                            {.name = "slow", .backend = "delay"},
                            {.name = "split", .backend = "split"},
                            {.name = "fail", .backend = "fail"},
                            {.name = "repeat", .backend = "repeat", .extra = decoupled + index},
                            {.name = "odd", .backend = "repeat"}});
  }
  static void TearDownTestSuite() {
    delete core_;
    core_ = nullptr;
  }

  // A protocol tells every sink of the end, which lets call and handler go.
  void TearDown() override { close(); }
  void close() {
    if (!sink) return;
    sink->on_abort();
    expect_nothing_left();
  }

  // `adapt(Context&)` as for ServiceRig.
  template <typename Adapt>
  void open_with(Adapt adapt, const Headers& headers = {}) {
    close();
    service.emplace(core_->server, adapt);
    sink = service->start("ModelStreamInfer", exchange, headers);
  }
  void open(const StreamLimits& limits = {}, const Headers& headers = {}) {
    open_with([&](Context& context) { context.options.stream = limits; }, headers);
  }
  void send_bytes(const std::string& message) {
    const std::string framed = grpc::frame_message(base::Chain::of(message)).to_string();
    sink->on_body(base::as_bytes(framed));
  }
  static std::string request(std::string_view model, std::string_view id,
                             const std::string& parameters = {}) {
    return bytes_field(1, model) + bytes_field(3, id) + parameters +
           input_field("INPUT0", "FP32", {2}) + raw_field(float_text({1, 2}));
  }
  void send(std::string_view model, std::string_view id, const std::string& parameters = {}) {
    send_bytes(request(model, id, parameters));
  }
  static std::string knob(std::string_view name, std::int64_t value) {
    return map_field(4, name, int64_param(value));
  }
  static std::string forever() { return knob("delay_ms", 3'600'000); }
  static std::string endless() {
    return knob("responses", 1'000'000'000) + knob("interval_ms", 3'600'000);
  }

  // Runs what threads of the core post, until there are `count` answers.
  std::vector<StreamAnswer> wait(std::size_t count) {
    while (answers().size() < count) exchange.waiting->run_one();
    return answers();
  }
  void wait_end() {
    while (!exchange.done) exchange.waiting->run_one();
  }
  std::vector<StreamAnswer> answers() const {
    std::vector<StreamAnswer> found;
    std::string_view rest = exchange.body;
    while (!rest.empty()) {
      std::size_t size = 0;
      for (std::size_t at = 1; at < grpc::kPrefixSize; ++at) {
        size = size << 8 | static_cast<unsigned char>(rest[at]);
      }
      found.push_back(read_stream_answer(std::string(rest.substr(grpc::kPrefixSize, size))));
      rest.remove_prefix(grpc::kPrefixSize + size);
    }
    return found;
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> found;
    for (const StreamAnswer& answer : answers()) found.push_back(answer.id);
    return found;
  }
  // Returns when nothing holds the call any more: the core has let go of all its requests.
  void expect_nothing_left() {
    sink.reset();
    while (service->router.calls() > 0) exchange.waiting->run_one_if_any();
  }

  using Ids = std::vector<std::string>;
  static TestServer* core_;
  std::optional<ServiceRig> service;
  WaitingExchange exchange;
  std::shared_ptr<http::RequestSink> sink;
};

inline TestServer* StreamRig::core_ = nullptr;

}  // namespace tfe::kserve_grpc
