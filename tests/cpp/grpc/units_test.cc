// Status, messages, timeouts and metadata as texts.
#include <gtest/gtest.h>

#include <array>

#include "grpc/metadata.h"
#include "grpc/status.h"
#include "grpc/timeout.h"

namespace tfe::grpc {
namespace {

using std::chrono::nanoseconds;

TEST(GrpcStatus, MapsTheCodesOfTheCore) {
  const std::array<std::pair<base::Code, int>, 11> codes{{{base::Code::kUnknown, 2},
                                                          {base::Code::kInternal, 13},
                                                          {base::Code::kNotFound, 5},
                                                          {base::Code::kInvalidArgument, 3},
                                                          {base::Code::kUnavailable, 14},
                                                          {base::Code::kUnsupported, 12},
                                                          {base::Code::kAlreadyExists, 6},
                                                          {base::Code::kCancelled, 1},
                                                          {base::Code::kResourceExhausted, 8},
                                                          {base::Code::kDeadlineExceeded, 4},
                                                          {base::Code::kPermissionDenied, 14}}};
  for (const auto& [code, number] : codes) EXPECT_EQ(static_cast<int>(to_code(code)), number);
}

TEST(GrpcMessage, EncodesWhatHeadersCannotCarry) {
  EXPECT_EQ(percent_encode("Request for unknown model: 'n\xC3\xB6pe\n%x' is not found"),
            "Request for unknown model: 'n%C3%B6pe%0A%25x' is not found");
  EXPECT_EQ(percent_encode("\x01\x7F ~"), "%01%7F ~");
}

TEST(GrpcMessage, RoundTripsEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(percent_decode(percent_encode(all)), all);
}

TEST(GrpcMessage, LeavesBrokenEscapesAlone) {
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
}

TEST(GrpcMessage, IsCutBetweenEscapes) {
  const std::string encoded = percent_encode(std::string(10'000, '\n'));
  EXPECT_LE(encoded.size(), kMaxMessage);
  EXPECT_EQ(encoded.size() % 3, 0u);
}

TEST(GrpcTimeout, TakesEveryUnit) {
  EXPECT_EQ(parse_timeout("1H"), nanoseconds(3'600'000'000'000));
  EXPECT_EQ(parse_timeout("2M"), nanoseconds(120'000'000'000));
  EXPECT_EQ(parse_timeout("3S"), nanoseconds(3'000'000'000));
  EXPECT_EQ(parse_timeout("4m"), nanoseconds(4'000'000));
  EXPECT_EQ(parse_timeout("5u"), nanoseconds(5'000));
  EXPECT_EQ(parse_timeout("6n"), nanoseconds(6));
  EXPECT_EQ(parse_timeout("0S"), nanoseconds(0));
}

TEST(GrpcTimeout, BoundsWhatIsTooLong) {
  const auto most = parse_timeout("99999999H");
  ASSERT_TRUE(most);
  EXPECT_EQ(parse_timeout("99999999999999999999999S"), most);
  EXPECT_GT(base::Clock::now() + *most, base::Clock::now());
}

TEST(GrpcTimeout, RefusesTheRest) {
  for (const char* text : {"", "S", "5", "5x", "-1S", "+1S", "1.5S", " 1S", "1S ", "1 S", "S1"}) {
    EXPECT_FALSE(parse_timeout(text)) << text;
  }
}

TEST(GrpcMetadata, FindsTheFirstValue) {
  const std::array<http::HeaderView, 3> headers{{{"a", "1"}, {"b", "2"}, {"a", "3"}}};
  const Metadata metadata(headers);
  EXPECT_EQ(metadata.find("a"), "1");
  EXPECT_EQ(metadata.find("c"), std::nullopt);
}

TEST(GrpcMetadata, CollectsCustomEntriesAndDecodesBinaryOnes) {
  const std::array<http::HeaderView, 7> headers{{{"te", "trailers"},
                                                 {"content-type", "application/grpc"},
                                                 {"grpc-timeout", "1S"},
                                                 {"user-agent", "me"},
                                                 {"x-bin", "AAE"},
                                                 {"x-bin", "AQ==, Ag"},
                                                 {"key", " v "}}};
  const auto entries = Metadata(headers).collect();
  ASSERT_TRUE(entries);
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& entry : *entries) found.emplace_back(entry.key, entry.value);
  EXPECT_EQ(found,
            (std::vector<std::pair<std::string, std::string>>{{"user-agent", "me"},
                                                              {"x-bin", std::string("\0\1", 2)},
                                                              {"x-bin", "\1"},
                                                              {"x-bin", "\2"},
                                                              {"key", " v "}}));
}

TEST(GrpcMetadata, RefusesBrokenBase64) {
  const std::array<http::HeaderView, 1> headers{{{"x-bin", "!"}}};
  const auto entries = Metadata(headers).collect();
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().message, "Error parsing 'x-bin' metadata: illegal base64 encoding");
}

}  // namespace
}  // namespace tfe::grpc
