// What a request's header block may say (RFC 9113 sections 8.1 to 8.3): a malformed request loses
// its stream, the connection goes on.
#include "http2/wire.h"

namespace tfe::http2 {
namespace {

using testing::data;
using testing::expect_reset;
using testing::Fields;
using testing::frame;
using testing::headers;
using testing::kPost;
using testing::Wire;
using testing::with;

Fields without(std::string_view name) {
  Fields fields = kPost;
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}

struct Case {
  const char* name;
  Fields fields;
};

std::string case_name(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }

// --- Malformed -----------------------------------------------------------------------------------

class MalformedRequest : public ::testing::TestWithParam<Case> {};

TEST_P(MalformedRequest, LosesItsStream) {
  Wire wire;
  wire.send(headers(1, GetParam().fields));
  EXPECT_EQ(wire.rig.handler.requests.size(), 0u);
  EXPECT_EQ(wire.count(NGHTTP2_RST_STREAM, 1), 1u);
  expect_reset(wire, 1, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(wire.rig.handler.refused.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    PseudoHeaders, MalformedRequest,
    ::testing::Values(Case{"NoMethod", without(":method")}, Case{"NoScheme", without(":scheme")},
                      Case{"NoPath", without(":path")},
                      Case{"EmptyPath", with(without(":path"), {{":path", ""}})},
                      Case{"NoAuthorityAndNoHost", without(":authority")},
                      Case{"TwoMethods", with(kPost, {{":method", "POST"}})},
                      Case{"TwoSchemes", with(kPost, {{":scheme", "http"}})},
                      Case{"TwoPaths", with(kPost, {{":path", "/other"}})},
                      Case{"TwoAuthorities", with(kPost, {{":authority", "y"}})},
                      Case{"AfterAHeader",
                           with(without(":path"), {{"a", "b"}, {":path", "/path"}})},
                      Case{"OfResponses", with(kPost, {{":status", "200"}})},
                      Case{"Unknown", with(kPost, {{":nonsense", "1"}})},
                      Case{"ConnectWithAPath", with(without(":method"), {{":method", "CONNECT"}})}),
    case_name);

INSTANTIATE_TEST_SUITE_P(Names, MalformedRequest,
                         ::testing::Values(Case{"UpperCase", with(kPost, {{"X-Upper", "1"}})},
                                           Case{"Empty", with(kPost, {{"", "1"}})},
                                           Case{"WithABlank", with(kPost, {{"a b", "1"}})},
                                           Case{"WithAColon", with(kPost, {{"a:b", "1"}})},
                                           Case{"WithAControl", with(kPost, {{"a\x01", "1"}})},
                                           Case{"WithAHighByte", with(kPost, {{"a\xE9", "1"}})}),
                         case_name);

INSTANTIATE_TEST_SUITE_P(
    OfConnections, MalformedRequest,
    ::testing::Values(Case{"Connection", with(kPost, {{"connection", "close"}})},
                      Case{"ProxyConnection", with(kPost, {{"proxy-connection", "close"}})},
                      Case{"KeepAlive", with(kPost, {{"keep-alive", "timeout=5"}})},
                      Case{"TransferEncoding", with(kPost, {{"transfer-encoding", "chunked"}})},
                      Case{"Upgrade", with(kPost, {{"upgrade", "h2c"}})},
                      Case{"TeOtherThanTrailers", with(kPost, {{"te", "gzip"}})}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Values, MalformedRequest,
    ::testing::Values(Case{"WithALineFeed", with(kPost, {{"a", "x\ny"}})},
                      Case{"WithACarriageReturn", with(kPost, {{"a", "x\ry"}})},
                      Case{"WithAZero", with(kPost, {{"a", std::string("x\0y", 3)}})}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    ContentLength, MalformedRequest,
    ::testing::Values(Case{"WithoutABody", with(kPost, {{"content-length", "1"}})},
                      Case{"NoNumber", with(kPost, {{"content-length", "x"}})},
                      Case{"Negative", with(kPost, {{"content-length", "-1"}})},
                      Case{"TooLarge", with(kPost, {{"content-length", "99999999999999999999"}})},
                      Case{"Twice",
                           with(kPost, {{"content-length", "0"}, {"content-length", "0"}})}),
    case_name);

TEST(ContentLength, MustMatchALongerBody) {
  Wire wire;
  wire.send(headers(1, with(kPost, {{"content-length", "2"}}), false));
  wire.send(data(1, "abc"));
  EXPECT_EQ(wire.reset(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(wire.rig.request(0).aborts, 1);
  EXPECT_TRUE(wire.serves(3));
}

TEST(ContentLength, MustMatchAShorterBody) {
  Wire wire;
  wire.send(headers(1, with(kPost, {{"content-length", "4"}}), false));
  wire.send(data(1, "abc", true));
  EXPECT_EQ(wire.reset(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(wire.rig.request(0).ends, 0);
  EXPECT_EQ(wire.rig.request(0).aborts, 1);
  EXPECT_TRUE(wire.serves(3));
}

TEST(ContentLength, MayComeInPieces) {
  Wire wire;
  wire.send(headers(1, with(kPost, {{"content-length", "4"}}), false));
  wire.send(data(1, "ab") + data(1, "cd", true));
  EXPECT_TRUE(wire.answered(1));
}

// --- Well-formed ---------------------------------------------------------------------------------

class WellFormedRequest : public ::testing::TestWithParam<Case> {};

TEST_P(WellFormedRequest, IsServed) {
  Wire wire;
  wire.send(headers(1, GetParam().fields));
  EXPECT_TRUE(wire.answered(1));
  EXPECT_TRUE(wire.rig.handler.refused.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Headers, WellFormedRequest,
    ::testing::Values(Case{"HostInsteadOfAuthority", with(without(":authority"), {{"host", "x"}})},
                      Case{"HostBesideAuthority", with(kPost, {{"host", "x"}})},
                      Case{"TeTrailers", with(kPost, {{"te", "trailers"}})},
                      Case{"RepeatedHeaders", with(kPost, {{"a", "1"}, {"a", "2"}, {"a", "1"}})},
                      Case{"SeveralCookies", with(kPost, {{"cookie", "a=1"}, {"cookie", "b=2"}})},
                      Case{"EmptyValues", with(kPost, {{"a", ""}})},
                      Case{"BlanksAroundAValue", with(kPost, {{"a", " x\t"}})},
                      Case{"HighBytesInAValue", with(kPost, {{"a", "\x80\xFF"}})},
                      Case{"PunctuationInAName", with(kPost, {{"a-b_c.d!#$%&'*+^`|~", "1"}})},
                      Case{"AnySchemeOverClearText",
                           with(without(":scheme"), {{":scheme", "https"}})},
                      Case{"ContentLengthZero", with(kPost, {{"content-length", "0"}})}),
    case_name);

// Pseudo-headers may stand in any order among themselves.
TEST(PseudoHeaders, MayComeInAnyOrder) {
  Wire wire;
  wire.send(headers(1, Fields(kPost.rbegin(), kPost.rend())));
  EXPECT_TRUE(wire.answered(1));
}

// --- Trailers ------------------------------------------------------------------------------------

TEST(Trailers, OfARequestAreIgnored) {
  Wire wire;
  wire.send(headers(1, kPost, false) + data(1, "x") + headers(1, {{"a", "b"}}));
  EXPECT_TRUE(wire.answered(1));
  EXPECT_EQ(wire.rig.handler.requests.size(), 1u);
}

TEST(Trailers, WithoutTheEndOfTheStreamAreMalformed) {
  Wire wire;
  wire.send(headers(1, kPost, false) + headers(1, {{"a", "b"}}, false));
  EXPECT_EQ(wire.reset(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(wire.rig.request(0).aborts, 1);
  EXPECT_TRUE(wire.serves(3));
}

TEST(Trailers, WithPseudoHeadersAreMalformed) {
  Wire wire;
  wire.send(headers(1, kPost, false) + headers(1, {{":path", "/"}}));
  EXPECT_EQ(wire.reset(1), NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(wire.rig.request(0).ends, 0);
  EXPECT_TRUE(wire.serves(3));
}

// --- Sizes ---------------------------------------------------------------------------------------

TEST(HeaderList, AboveTheLimitIsAnsweredAndTheConnectionGoesOn) {
  Options options;
  options.max_header_list_size = 500;
  Wire wire(options);
  Fields many = kPost;
  for (int i = 0; i < 20; ++i) many.emplace_back("a", "b");
  wire.send(headers(1, many));
  EXPECT_EQ(wire.count(NGHTTP2_HEADERS, 1), 1u);
  EXPECT_EQ(wire.rig.handler.requests.size(), 0u);
  ASSERT_EQ(wire.rig.handler.refused.size(), 1u);
  EXPECT_EQ(wire.rig.handler.refused[0], "POST /path 431");
  EXPECT_TRUE(wire.serves(3));
}

}  // namespace
}  // namespace tfe::http2
