// What the head of an inference request decides, and the buffer for its body.
#include <gtest/gtest.h>

#include <cstring>

#include "kserve_http/body_buffer.h"
#include "kserve_http/infer_framing.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {
namespace {

using base::Code;

base::Result<InferFraming> framing(std::vector<http::HeaderView> headers, std::int64_t length,
                                   Options options = {}, const InferStyle& style = kKserveStyle) {
  http::RequestHead head;
  head.headers = headers;
  head.content_length = length;
  head.has_body = length != 0;
  auto plan = read_infer_head(head, options, style);
  if (!plan) return std::unexpected(std::move(plan).error());
  return plan->framing;
}

std::string error_of(const auto& result) { return result ? "" : result.error().message; }

TEST(InferFraming, HeaderLength) {
  EXPECT_EQ(framing({}, 10)->json_size, std::nullopt);
  EXPECT_EQ(framing({{"INFERENCE-header-content-length", "7"}}, 10)->json_size, 7u);
  EXPECT_EQ(framing({{"Inference-Header-Content-Length", " +10x"}}, 10)->json_size, 10u);
  EXPECT_TRUE(framing({{"Inference-Header-Content-Length", "0"}}, 10)->raw());
  EXPECT_EQ(
      framing({{"Inference-Header-Content-Length", "7"}, {"inference-header-content-length", "8"}},
              10)
          ->json_size,
      7u);
  for (const char* text : {"", "abc"}) {
    EXPECT_EQ(error_of(framing({{"Inference-Header-Content-Length", text}}, 10)),
              std::string("Unable to parse Inference-Header-Content-Length, got: ") + text);
  }
  EXPECT_EQ(error_of(framing({{"Inference-Header-Content-Length", "99999999999"}}, 10)),
            "Unable to parse Inference-Header-Content-Length, value is out of range [ -2147483648, "
            "2147483647 ], got: 99999999999");
  for (const char* text : {"-1", "11"}) {
    EXPECT_EQ(error_of(framing({{"Inference-Header-Content-Length", text}}, 10)),
              std::string("inference header size should be in range (0, 10), got: ") + text);
  }
  // Nothing to compare with until a chunked body has ended.
  EXPECT_EQ(framing({{"Inference-Header-Content-Length", "11"}}, -1)->json_size, 11u);
}

TEST(InferFraming, EmptyBody) {
  EXPECT_TRUE(error_of(framing({}, 0)).starts_with("empty body"));
  EXPECT_TRUE(framing({{"Inference-Header-Content-Length", "0"}}, 0));
}

TEST(InferFraming, Coding) {
  const auto codings = [](std::vector<http::HeaderView> headers,
                          const InferStyle& style = kKserveStyle) {
    http::RequestHead head;
    head.headers = headers;
    return read_codings(head, style);
  };
  using http::Coding;
  EXPECT_TRUE(codings({})->empty());
  EXPECT_TRUE(codings({{"Content-Encoding", "identity"}})->empty());
  EXPECT_EQ(*codings({{"Content-Encoding", "GZIP"}}), std::vector{Coding::kGzip});
  // Lines of one name are one list.
  EXPECT_EQ(*codings({{"content-encoding", "gzip"}, {"Content-Encoding", "deflate"}}),
            (std::vector{Coding::kGzip, Coding::kDeflate}));
  const auto refused = codings({{"Content-Encoding", "br"}});
  EXPECT_EQ(error_of(refused), "Unsupported compression type");
  EXPECT_EQ(refused.error().code, Code::kUnsupported);
  static constexpr InferStyle kPlain{.binary_mime = {}, .content_coding = false};
  EXPECT_TRUE(codings({{"Content-Encoding", "br"}}, kPlain)->empty());
}

// What a length counts in is not known before the body is decompressed.
TEST(InferFraming, LengthOfCompressedBody) {
  const http::HeaderView coding{"Content-Encoding", "gzip"};
  EXPECT_EQ(framing({coding, {"Inference-Header-Content-Length", "50"}}, 10)->json_size, 50u);
  Options options;
  options.max_input_size = 100;
  EXPECT_TRUE(framing({coding}, 101, options));
}

TEST(InferFraming, LengthInContentType) {
  static constexpr InferStyle kMime{.binary_mime = "application/vnd.x+json;json-header-size="};
  const auto of = [](std::string_view type) {
    return framing({{"Inference-Header-Content-Length", "3"}, {"Content-Type", type}}, 10, {},
                   kMime);
  };
  EXPECT_EQ(of("application/json")->json_size, std::nullopt);
  EXPECT_EQ(of("application/vnd.x+json")->json_size, std::nullopt);
  EXPECT_EQ(of("application/vnd.x+json;json-header-size=7")->json_size, 7u);
  EXPECT_EQ(of(" Application/VND.x+json;JSON-header-size=7 ")->json_size, 7u);
  EXPECT_TRUE(of("application/vnd.x+json;json-header-size=0")->raw());
  EXPECT_EQ(error_of(of("text/plain, application/vnd.x+json;json-header-size=7")),
            "expect MIME type for binary data starts with "
            "'application/vnd.x+json;json-header-size=', got: text/plain, "
            "application/vnd.x+json;json-header-size=7");
  EXPECT_EQ(error_of(of("application/vnd.x+json;json-header-size=x")),
            "Unable to parse inference header size, got: x");
  EXPECT_EQ(error_of(of("application/vnd.x+json;json-header-size=")),
            "Unable to parse inference header size, got: ");
  EXPECT_EQ(error_of(of("application/vnd.x+json;json-header-size=99999999999")),
            "Unable to parse inference header size, value is out of range, got: 99999999999");
  for (const char* size : {"-1", "11"}) {
    EXPECT_EQ(error_of(of(std::string("application/vnd.x+json;json-header-size=") + size)),
              std::string("inference header size should be in range (0, 10), got: ") + size);
  }
}

TEST(InferFraming, Limits) {
  Options options;
  options.max_input_size = 100;
  EXPECT_TRUE(framing({}, 100, options));
  EXPECT_EQ(error_of(framing({}, 101, options)),
            "request JSON size of 101 bytes exceeds the maximum allowed input size of 100 bytes. "
            "Use --http-max-input-size to increase the limit.");
  EXPECT_EQ(error_of(framing({{"Inference-Header-Content-Length", "0"}}, 101, options)),
            "Raw input has a byte_size (101 bytes) that exceeds the maximum allowed value of 100 "
            "bytes. Use --http-max-input-size to increase the limit.");
  EXPECT_TRUE(framing({{"Inference-Header-Content-Length", "100"}}, 100'000, options));
  EXPECT_EQ(error_of(framing({{"Inference-Header-Content-Length", "101"}}, 100'000, options)),
            "request JSON size of 101 bytes exceeds the maximum allowed input size of 100 bytes. "
            "Use --http-max-input-size to increase the limit.");
}

TEST(BodyBuffer, TakesBytesInPlaceAndCopied) {
  BodyBuffer body(8, 3, 100);
  EXPECT_EQ(body.owner(), nullptr);
  EXPECT_TRUE(body.add(base::as_bytes("abc")));
  const base::MutableBytes room = body.room(5);
  ASSERT_EQ(room.size(), 5u);
  std::memcpy(room.data(), "defgh", 5);
  EXPECT_TRUE(body.add(room.first(2)));
  EXPECT_TRUE(body.add(room.subspan(2)));
  EXPECT_EQ(base::as_text(body.bytes()), "abcdefgh");
  // The tensors behind three bytes of JSON are aligned.
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(body.bytes().data() + 3) % 64, 0u);
}

TEST(BodyBuffer, GrowsUpToItsLimit) {
  BodyBuffer body(-1, 0, 100'000);
  std::string expected;
  while (expected.size() < 99'990) {
    expected += "0123456789";
    ASSERT_TRUE(body.add(base::as_bytes("0123456789")));
  }
  EXPECT_EQ(base::as_text(body.bytes()), expected);
  EXPECT_TRUE(body.room(11).empty());
  EXPECT_TRUE(body.add(base::as_bytes("0123456789")));
  EXPECT_FALSE(body.add(base::as_bytes("0")));
  EXPECT_TRUE(body.exceeded());
}

TEST(Reply, StatusOfEveryCode) {
  EXPECT_EQ(http_status(Code::kInternal), 500);
  EXPECT_EQ(http_status(Code::kNotFound), 404);
  EXPECT_EQ(http_status(Code::kUnavailable), 503);
  EXPECT_EQ(http_status(Code::kUnsupported), 501);
  EXPECT_EQ(http_status(Code::kInvalidArgument), 400);
  EXPECT_EQ(http_status(Code::kAlreadyExists), 400);
  EXPECT_EQ(http_status(Code::kCancelled), 400);
  EXPECT_EQ(http_status(Code::kUnknown), 400);
  EXPECT_EQ(http_status(Code::kResourceExhausted), 429);
  EXPECT_EQ(http_status(Code::kDeadlineExceeded), 504);
  EXPECT_EQ(http_status(Code::kPermissionDenied), 403);
  const Reply busy = error_reply({Code::kResourceExhausted, "full"});
  EXPECT_EQ(busy.body.to_string(), R"({"error":"full"})");
  EXPECT_EQ(busy.head.headers.at(1).name, "retry-after");
  EXPECT_FALSE(busy.head.last);
}

TEST(Reply, WhatIsToBeHadElsewhereSendsTheClientThere) {
  const Reply reply = error_reply({base::Code::kElsewhere, "hung"});
  EXPECT_EQ(reply.head.status, 503);
  EXPECT_EQ(reply.head.headers.at(1).name, "retry-after");
  EXPECT_TRUE(reply.head.last);
}

}  // namespace
}  // namespace tfe::kserve_http
