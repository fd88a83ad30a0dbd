// TraceSetting and LogSettings: texts, status codes, and that an update is all or nothing.
#include <gtest/gtest.h>

#include <map>

#include "kserve_grpc/service_rig.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

ServiceRig& rig() {
  static auto* const core = new TestServer({{.name = "m"}});
  static auto* const shared = new ServiceRig(core->server);
  return *shared;
}

// The encoded SettingValue of each setting in a response.
std::map<std::string, std::string> settings(const std::string& response) {
  std::map<std::string, std::string> found;
  for (const std::string& entry : values(response, 1)) {
    found[values(entry, 1).at(0)] = values(entry, 2).at(0);
  }
  return found;
}

std::string flag_value(bool value) { return varint_field(1, value ? 1 : 0); }
std::string number_value(std::uint64_t value) { return varint_field(2, value); }
std::string text_value(std::string_view value) { return bytes_field(3, value); }

Answer log(const std::string& request = {}) { return rig().call("LogSettings", request); }

std::string log_error(std::string_view key, const std::string& value) {
  const Answer answer = log(map_field(1, key, value));
  EXPECT_EQ(answer.status, 3) << key;
  return answer.message;
}

const std::map<std::string, std::string> kQuiet{
    {"log_file", text_value("")},           {"log_info", flag_value(true)},
    {"log_warning", flag_value(true)},      {"log_error", flag_value(true)},
    {"log_verbose_level", number_value(0)}, {"log_format", text_value("default")}};

class LogSettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EXPECT_EQ(settings(log(map_field(1, "log_info", flag_value(true)) +
                           map_field(1, "log_verbose_level", number_value(0)) +
                           map_field(1, "log_format", text_value("default")))
                           .body),
              kQuiet);
  }
  void TearDown() override { SetUp(); }
};

TEST_F(LogSettingsTest, ChangesAreAnsweredAndInForce) {
  auto expected = kQuiet;
  expected["log_info"] = flag_value(false);
  expected["log_verbose_level"] = number_value(2);
  expected["log_format"] = text_value("ISO8601");
  EXPECT_EQ(settings(log(map_field(1, "log_info", flag_value(false)) +
                         map_field(1, "log_verbose_level", number_value(2)) +
                         map_field(1, "log_format", text_value("ISO8601")))
                         .body),
            expected);
  EXPECT_EQ(settings(log().body), expected);
  EXPECT_FALSE(triton::log_enabled(rig().context->server->library(), triton::LogLevel::kInfo));
}

TEST_F(LogSettingsTest, UnknownKeysAreLeftAlone) {
  EXPECT_EQ(settings(log(map_field(1, "other", text_value("x"))).body), kQuiet);
}

TEST_F(LogSettingsTest, ValuesMustHaveTheirMember) {
  for (const char* key : {"log_info", "log_warning", "log_error"}) {
    EXPECT_EQ(log_error(key, number_value(1)), "expect boolean for '" + std::string(key) + "'");
    EXPECT_EQ(log_error(key, ""), "expect boolean for '" + std::string(key) + "'");
  }
  EXPECT_EQ(log_error("log_verbose_level", flag_value(true)),
            "expect int32 for 'log_verbose_level'");
  EXPECT_EQ(log_error("log_format", flag_value(true)), "expect string for 'log_format'");
  EXPECT_EQ(log_error("log_format", text_value("iso")),
            "invalid argument for log_format, got: iso");
  EXPECT_EQ(log_error("log_verbose_level", number_value(0xFFFFFFFF)),
            "Unable to parse 'log_verbose_level', value is out of range [ 0, 2147483647 ], got: "
            "4294967295");
  const Answer file = log(map_field(1, "log_file", text_value("/x")));
  EXPECT_EQ(file.status, 12);
  EXPECT_EQ(file.message, "log file location can not be updated through network protocol");
}

TEST_F(LogSettingsTest, NothingIsAppliedIfAnythingIsWrong) {
  EXPECT_EQ(
      log(map_field(1, "log_info", flag_value(false)) + map_field(1, "log_format", text_value("x")))
          .status,
      3);
  EXPECT_EQ(settings(log().body), kQuiet);
}

TEST_F(LogSettingsTest, TheLastEntryOfAKeyAndTheLastMemberCount) {
  auto expected = kQuiet;
  expected["log_info"] = flag_value(false);
  EXPECT_EQ(settings(log(map_field(1, "log_info", text_value("x")) +
                         map_field(1, "log_info", text_value("x") + flag_value(false)))
                         .body),
            expected);
  EXPECT_EQ(log_error("log_info", flag_value(false) + text_value("x")),
            "expect boolean for 'log_info'");
}

std::string list(std::initializer_list<std::string_view> texts) {
  std::string value;
  for (const std::string_view text : texts) value += bytes_field(1, text);
  return value;
}

std::string trace_entry(std::string_view key, std::initializer_list<std::string_view> texts) {
  return map_field(1, key, list(texts));
}

Answer trace(const std::string& request = {}) { return rig().call("TraceSetting", request); }

std::string trace_error(const std::string& request) {
  const Answer answer = trace(request);
  EXPECT_EQ(answer.status, 3);
  return answer.message;
}

const std::map<std::string, std::string> kUntraced{
    {"trace_level", list({"OFF"})}, {"trace_rate", list({"1000"})},
    {"trace_count", list({"-1"})},  {"log_frequency", list({"0"})},
    {"trace_file", list({""})},     {"trace_mode", list({"triton"})}};
const std::string kModel = bytes_field(2, "m");

TEST(TraceSettingTest, AnswersWhatIsInForce) {
  EXPECT_EQ(settings(trace().body), kUntraced);
  EXPECT_EQ(settings(trace(kModel).body), kUntraced);
  EXPECT_EQ(trace_error(bytes_field(2, "nope")), "Request for unknown model : nope");
}

TEST(TraceSettingTest, ValuesAreSetAndCleared) {
  auto expected = kUntraced;
  expected["trace_rate"] = list({"5"});
  expected["log_frequency"] = list({"7"});
  EXPECT_EQ(settings(trace(trace_entry("trace_rate", {"5"}) + trace_entry("log_frequency", {"7"}) +
                           trace_entry("trace_mode", {"triton"}))
                         .body),
            expected);
  EXPECT_EQ(settings(trace(kModel).body), expected);
  EXPECT_EQ(settings(trace(trace_entry("trace_rate", {}) + trace_entry("log_frequency", {}) +
                           trace_entry("trace_level", {}))
                         .body),
            kUntraced);
}

TEST(TraceSettingTest, WhatIsWrongIsNamed) {
  EXPECT_EQ(trace_error(trace_entry("trace_rate", {"x"})), "Unable to parse 'trace_rate', got: x");
  EXPECT_EQ(trace_error(trace_entry("trace_rate", {"1", "2"})),
            "expect only 1 value for 'trace_rate'");
  EXPECT_EQ(trace_error(trace_entry("trace_count", {"-2"})),
            "Unable to parse 'trace_count'. Expecting value >= -1, got:-2");
  EXPECT_EQ(trace_error(trace_entry("trace_level", {"OFF", "TIMESTAMPS"})),
            "Expect only one trace level 'OFF' is specified");
  EXPECT_EQ(trace_error(trace_entry("trace_level", {"TIMESTAMPS"})),
            "Attempting to set invalid trace setting :trace file name is not given");
  EXPECT_EQ(trace_error(trace_entry("trace_mode", {"opentelemetry"})),
            "trace mode can not be updated through network protocol");
  EXPECT_EQ(trace_error(trace_entry("bogus", {"1"})),
            "unknown trace setting 'bogus', expected trace_level, trace_rate, trace_count or "
            "log_frequency");
  const Answer file = trace(trace_entry("trace_file", {"/x"}));
  EXPECT_EQ(file.status, 12);
  EXPECT_EQ(file.message, "trace file location can not be updated through network protocol");
  std::string many;
  for (int i = 0; i < 65; ++i) many += bytes_field(1, "TENSORS");
  EXPECT_EQ(trace_error(map_field(1, "trace_level", many)),
            "Unable to parse 'trace_level', expected at most 64 levels");
  EXPECT_EQ(settings(trace().body), kUntraced);
}

TEST(TraceSettingTest, NothingIsAppliedIfAnythingIsWrong) {
  EXPECT_EQ(trace(trace_entry("trace_rate", {"5"}) + trace_entry("trace_count", {"x"})).status, 3);
  EXPECT_EQ(settings(trace().body), kUntraced);
}

TEST(SettingsTest, BrokenMessagesAreRefused) {
  for (const char* method : {"TraceSetting", "LogSettings"}) {
    for (const std::string& request :
         {bytes_field(1, "\x0A\x05"), bytes_field(1, bytes_field(1, "\xFF")),
          bytes_field(1, bytes_field(1, "log_info") + bytes_field(2, "\x08")),
          map_field(1, "trace_rate", bytes_field(1, "\xFF") + "\x0A")}) {
      const Answer answer = rig().call(method, request);
      EXPECT_EQ(answer.status, 13) << method;
      EXPECT_EQ(answer.message, "Unable to parse request");
    }
  }
}

}  // namespace
}  // namespace tfe::kserve_grpc
