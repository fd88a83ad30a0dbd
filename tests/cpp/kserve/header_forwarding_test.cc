#include "kserve/header_forwarding.h"

#include <gtest/gtest.h>

namespace tfe::kserve {
namespace {

HeaderForwarding forwarding(std::string_view pattern) {
  auto compiled = HeaderForwarding::compile(pattern);
  EXPECT_TRUE(compiled) << pattern;
  return compiled ? *compiled : HeaderForwarding();
}

// The names of the parameters that came of the headers; the error's text if one was refused.
std::string forwarded(std::string_view pattern, std::initializer_list<std::string_view> names) {
  const HeaderForwarding rule = forwarding(pattern);
  InferRequest request;
  for (const std::string_view name : names) {
    if (auto status = rule.forward(name, "value", request); !status) {
      EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
      return status.error().message;
    }
  }
  std::string result;
  for (const triton::Parameter& parameter : request.parameters) {
    EXPECT_EQ(std::get<std::string>(parameter.value), "value");
    result += parameter.name + " ";
  }
  return result;
}

TEST(HeaderForwardingTest, AnEmptyPatternForwardsNothing) {
  EXPECT_FALSE(HeaderForwarding().enabled());
  EXPECT_FALSE(forwarding("").enabled());
  EXPECT_EQ(forwarded("", {"a", "Priority"}), "");
}

TEST(HeaderForwardingTest, MatchesAnyPartOfTheName) {
  EXPECT_EQ(forwarded("X-Fwd.*", {"X-Fwd-A", "Y-X-Fwd-C", "X-Other", "x-fwd-d"}),
            "X-Fwd-A Y-X-Fwd-C ");
  EXPECT_EQ(forwarded("^X-Fwd$", {"X-Fwd", "X-Fwd-A", "Y-X-Fwd"}), "X-Fwd ");
}

TEST(HeaderForwardingTest, ThePatternDecidesAboutCase) {
  EXPECT_EQ(forwarded("(?i)x-fwd", {"X-FWD", "x-fwd"}), "X-FWD x-fwd ");
  EXPECT_EQ(forwarded("(?i)(?-i)x-fwd", {"X-FWD", "x-fwd"}), "x-fwd ");
}

TEST(HeaderForwardingTest, RepeatedHeadersAreParametersEach) {
  EXPECT_EQ(forwarded("a", {"a", "b", "a"}), "a a ");
}

TEST(HeaderForwardingTest, ReservedNamesAreRefusedInAnyCase) {
  for (const std::string name :
       {"sequence_id", "sequence_start", "sequence_end", "priority", "timeout", "headers",
        "binary_data_output", "triton_x", "Priority", "TIMEOUT", "Triton_Something"}) {
    EXPECT_EQ(forwarded(".*", {name}),
              "Header '" + name + "' is reserved for Triton usage and cannot be forwarded.");
    EXPECT_EQ(forwarded("^other$", {name}), "");
  }
  EXPECT_EQ(forwarded(".*", {"priorities", "tritonx", "Host"}), "priorities tritonx Host ");
}

TEST(HeaderForwardingTest, AnInvalidPatternIsAnError) {
  for (const std::string pattern : {"(", "[a", "*", "(?=x)", "\xff"}) {
    const auto compiled = HeaderForwarding::compile(pattern);
    ASSERT_FALSE(compiled);
    EXPECT_EQ(compiled.error().code, base::Code::kInvalidArgument);
    EXPECT_TRUE(
        compiled.error().message.starts_with("invalid header forward pattern '" + pattern + "': "));
  }
}

}  // namespace
}  // namespace tfe::kserve
