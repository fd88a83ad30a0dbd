#include "kserve/trace_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "triton/trace.h"

namespace tfe::kserve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kBoth = triton::kTraceTimestamps | triton::kTraceTensors;

template <typename T>
std::string message(const base::Result<T>& result) {
  return result ? "accepted" : result.error().message;
}

TEST(TraceSettingsTest, Levels) {
  EXPECT_EQ(*parse_trace_levels({"OFF"}), 0U);
  EXPECT_EQ(*parse_trace_levels({"TIMESTAMPS"}), triton::kTraceTimestamps);
  EXPECT_EQ(*parse_trace_levels({"TENSORS", "TIMESTAMPS", "TENSORS"}), kBoth);
  EXPECT_EQ(*parse_trace_levels({"MAX"}), triton::kTraceTimestamps);
  EXPECT_EQ(*parse_trace_levels({}), std::nullopt);
  EXPECT_EQ(message(parse_trace_levels({"OFF", "TENSORS"})),
            "Expect only one trace level 'OFF' is specified");
  // A defect of the reference, which ignores it.
  EXPECT_EQ(message(parse_trace_levels({"TIMESTAMPS", "timestamps"})),
            "Unable to parse 'trace_level', expected OFF, TIMESTAMPS or TENSORS, got: timestamps");
  EXPECT_THAT(trace_level_names(0), ElementsAre("OFF"));
  EXPECT_THAT(trace_level_names(kBoth), ElementsAre("TIMESTAMPS", "TENSORS"));
}

TEST(TraceSettingsTest, Numbers) {
  EXPECT_EQ(*parse_trace_rate("0"), 0U);
  EXPECT_EQ(*parse_trace_rate(" +5"), 5U);
  EXPECT_EQ(*parse_trace_rate("4294967295"), 4294967295U);
  EXPECT_EQ(*parse_trace_count("-1"), -1);
  EXPECT_EQ(*parse_trace_count("2147483647"), 2147483647);
  EXPECT_EQ(*parse_trace_log_frequency("7"), 7U);
}

TEST(TraceSettingsTest, NumbersThatAreNone) {
  for (const std::string text : {"", "x", "5x", "1.5", "--1", "+-1", "-+1", "++1"}) {
    EXPECT_EQ(message(parse_trace_rate(text)), "Unable to parse 'trace_rate', got: " + text);
    EXPECT_EQ(message(parse_trace_count(text)), "Unable to parse 'trace_count', got: " + text);
    EXPECT_EQ(message(parse_trace_log_frequency(text)),
              "Unable to parse 'log_frequency', got: " + text);
  }
}

// A defect of the reference, which lets negative ones wrap around.
TEST(TraceSettingsTest, NumbersOutOfRange) {
  for (const std::string text : {"-1", "4294967296", "99999999999999999999"}) {
    EXPECT_EQ(
        message(parse_trace_rate(text)),
        "Unable to parse 'trace_rate', value is out of range [ 0, 4294967295 ], got: " + text);
    EXPECT_EQ(
        message(parse_trace_log_frequency(text)),
        "Unable to parse 'log_frequency', value is out of range [ 0, 4294967295 ], got: " + text);
  }
  EXPECT_EQ(message(parse_trace_count("2147483648")),
            "Unable to parse 'trace_count', value is out of range [ -1, 2147483647 ], got: "
            "2147483648");
  EXPECT_EQ(message(parse_trace_count("-2")),
            "Unable to parse 'trace_count'. Expecting value >= -1, got:-2");
}

TEST(TraceSettingsTest, OnlyUsableSettingsAreValid) {
  EXPECT_TRUE(check_trace_settings({}));
  EXPECT_TRUE(check_trace_settings({.rate = 0}));
  EXPECT_TRUE(check_trace_settings({.levels = kBoth, .file = "f"}));
  EXPECT_EQ(check_trace_settings({.levels = kBoth}).error().message,
            "Attempting to set invalid trace setting :trace file name is not given");
  EXPECT_EQ(check_trace_settings({.levels = kBoth, .rate = 0, .file = "f"}).error().message,
            "Attempting to set invalid trace setting :sample rate must be non-zero");
}

TEST(TraceSettingsTest, TheModeIsGivenAsItIsOrRefused) {
  EXPECT_TRUE(check_trace_mode({"triton"}));
  for (const std::vector<std::string>& values :
       {std::vector<std::string>{}, {"opentelemetry"}, {"triton", "triton"}}) {
    const auto status = check_trace_mode(values);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
  }
}

TEST(TraceConfigTest, PairsOfTheCommandLine) {
  const auto settings = parse_trace_config({{"mode", "triton"},
                                            {"triton,file", "/tmp/t.json"},
                                            {"level", "TIMESTAMPS"},
                                            {"level", "TENSORS"},
                                            {"rate", "10"},
                                            {"count", "5"},
                                            {"triton,log-frequency", "3"},
                                            {"parent-based", "true"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(*settings, (TraceSettings{.levels = kBoth,
                                      .rate = 10,
                                      .count = 5,
                                      .log_frequency = 3,
                                      .file = "/tmp/t.json",
                                      .parent_based = true}));
  EXPECT_EQ(*parse_trace_config({}), TraceSettings());
  EXPECT_EQ(parse_trace_config({{"level", "TENSORS, TIMESTAMPS"}, {"file", "x"}})->levels, kBoth);
}

TEST(TraceConfigTest, RefusalsNameTheSetting) {
  EXPECT_THAT(message(parse_trace_config({{"mode", "opentelemetry"}})),
              HasSubstr("trace mode 'opentelemetry' is not supported, use mode 'triton'"));
  EXPECT_THAT(message(parse_trace_config({{"opentelemetry,url", "x"}})),
              HasSubstr("'opentelemetry' is not supported"));
  EXPECT_EQ(message(parse_trace_config({{"mode", "x"}})),
            "invalid trace setting 'mode': expected 'triton', got 'x'");
  EXPECT_EQ(message(parse_trace_config({{"rate", "x"}})),
            "invalid trace setting 'rate': Unable to parse 'trace_rate', got: x");
  EXPECT_EQ(message(parse_trace_config({{"triton,path", "x"}})),
            "unknown trace setting 'triton,path': expected level, rate, count, mode, file, "
            "log-frequency or parent-based");
  EXPECT_EQ(message(parse_trace_config({{"parent-based", "1"}})),
            "invalid trace setting 'parent-based': expected 'true' or 'false', got '1'");
  EXPECT_THAT(message(parse_trace_config({{"level", "ALL"}})), HasSubstr("got: ALL"));
}

}  // namespace
}  // namespace tfe::kserve
