#include "http/content_coding.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace tfe::http {
namespace {

// Collects what is decoded, `step` bytes at a time.
class Text final : public DecodedOutput {
 public:
  explicit Text(std::size_t step = 7) : step_(step) {}
  base::MutableBytes room() override {
    text_.resize(size_ + step_);
    return std::as_writable_bytes(std::span(text_)).subspan(size_);
  }
  void filled(std::size_t count) override { size_ += count; }
  std::string str() const { return text_.substr(0, size_); }

 private:
  std::size_t step_;
  std::string text_;
  std::size_t size_ = 0;
};

std::string deflated(std::string_view text, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string gzip(std::string_view text) { return deflated(text, MAX_WBITS + 16); }
std::string zlib(std::string_view text) { return deflated(text, MAX_WBITS); }
std::string raw(std::string_view text) { return deflated(text, -MAX_WBITS); }

// The decoded text, or the error's. Fed `step` bytes at a time.
std::string decode(const std::vector<Coding>& codings, std::string_view body,
                   std::uint64_t limit = 1 << 20, std::size_t step = 1) {
  Text text;
  ContentDecoder decoder(codings, limit, text);
  for (std::size_t i = 0; i < body.size(); i += step) {
    if (auto status = decoder.write(base::as_bytes(body.substr(i, step))); !status) {
      return (decoder.exceeded() ? "exceeded: " : "error: ") + status.error().message;
    }
  }
  if (auto status = decoder.finish(); !status) return "error: " + status.error().message;
  return text.str();
}

constexpr std::string_view kCorrupt = "error: request body is not valid for Content-Encoding ";

TEST(ContentEncoding, Lists) {
  using Codings = std::vector<Coding>;
  EXPECT_EQ(parse_content_encoding(""), Codings{});
  EXPECT_EQ(parse_content_encoding("identity"), Codings{});
  EXPECT_EQ(parse_content_encoding("GZip"), Codings{Coding::kGzip});
  EXPECT_EQ(parse_content_encoding("x-gzip"), Codings{Coding::kGzip});
  EXPECT_EQ(parse_content_encoding(" gzip ,\tdeflate, "),
            (Codings{Coding::kGzip, Coding::kDeflate}));
  EXPECT_TRUE(parse_content_encoding("gzip,gzip,identity").has_value());
  for (const char* bad : {"br", "gzip, br", "gzip;q=1", "gzip gzip", "gzip,gzip,gzip,gzip"}) {
    const auto codings = parse_content_encoding(bad);
    ASSERT_FALSE(codings) << bad;
    EXPECT_EQ(codings.error().code, base::Code::kUnsupported);
    EXPECT_EQ(codings.error().message, "Unsupported compression type");
  }
}

TEST(AcceptEncoding, HighestWeightThenFirst) {
  EXPECT_EQ(choose_coding("gzip"), Coding::kGzip);
  EXPECT_EQ(choose_coding("deflate"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("gzip, deflate"), Coding::kGzip);
  EXPECT_EQ(choose_coding("deflate, gzip"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("gzip;q=0.5, deflate;q=0.8"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("identity, gzip"), Coding::kIdentity);
  EXPECT_EQ(choose_coding("gzip, identity"), Coding::kGzip);
  EXPECT_EQ(choose_coding("identity;q=0.5, gzip;q=0.6"), Coding::kGzip);
  EXPECT_EQ(choose_coding("br, gzip;q=0.001"), Coding::kGzip);
}

TEST(AcceptEncoding, AnyCaseAndBlanks) {
  EXPECT_EQ(choose_coding("GZIP"), Coding::kGzip);
  EXPECT_EQ(choose_coding("x-gzip"), Coding::kGzip);
  EXPECT_EQ(choose_coding("\tgzip ; Q = 0.5 , deflate ;q=0.2"), Coding::kGzip);
  EXPECT_EQ(choose_coding("gzip;level=9;q=.5,deflate;q=0.45678"), Coding::kGzip);
}

TEST(AcceptEncoding, WhatIsNotAcceptable) {
  for (const char* none : {"", "br", "gzip;q=0", "gzip;q=0.000", "gzip;q=abc", "gzip;q=2",
                           "gzip;q=-1", "gzip;q=", "gzip;q", "identity", "*", "*;q=0", ",,",
                           "gzip;q=0,*", "identity;q=0", "gzip;q=1.5"}) {
    EXPECT_EQ(choose_coding(none), Coding::kIdentity) << none;
  }
  EXPECT_EQ(choose_coding("gzip;q=abc, deflate;q=0.2"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("identity;q=0, *"), Coding::kGzip);
  EXPECT_EQ(choose_coding("identity;q=0, gzip;q=0, *;q=0.1"), Coding::kDeflate);
  EXPECT_EQ(choose_coding("*;q=0.5, identity;q=0.2"), Coding::kGzip);
  EXPECT_EQ(choose_coding("gzip;q=0, gzip"), Coding::kIdentity);
}

TEST(ContentDecoder, EveryWrapperInAnySplit) {
  const std::string text = std::string(1000, 'a') + "b\0c" + std::string(50, 'd');
  for (const std::size_t step : {1U, 2U, 3U, 1000U}) {
    EXPECT_EQ(decode({Coding::kGzip}, gzip(text), 1 << 20, step), text);
    EXPECT_EQ(decode({Coding::kGzip}, zlib(text), 1 << 20, step), text);
    EXPECT_EQ(decode({Coding::kDeflate}, zlib(text), 1 << 20, step), text);
    EXPECT_EQ(decode({Coding::kDeflate}, gzip(text), 1 << 20, step), text);
    EXPECT_EQ(decode({Coding::kDeflate}, raw(text), 1 << 20, step), text);
    EXPECT_EQ(decode({Coding::kGzip}, gzip("one ") + gzip("") + gzip("two"), 99, step), "one two");
    EXPECT_EQ(decode({Coding::kGzip, Coding::kDeflate}, zlib(gzip(text)), 1 << 20, step), text);
  }
  EXPECT_EQ(decode({}, ""), "");
}

TEST(ContentDecoder, EmptyContent) {
  EXPECT_EQ(decode({Coding::kGzip}, gzip("")), "");
  EXPECT_EQ(decode({Coding::kGzip}, ""),
            std::string(kCorrupt) + "'gzip': nothing to be decompressed");
}

TEST(ContentDecoder, RefusesWhatIsNotWhole) {
  const std::string whole = gzip("some text");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(decode({Coding::kGzip}, std::string_view(whole).substr(0, size)),
              std::string(kCorrupt) + "'gzip': the data ends too early")
        << size;
  }
  // A second member counts as much as the first.
  EXPECT_NE(decode({Coding::kGzip}, whole + whole.substr(0, 12)), "some text");
  EXPECT_EQ(decode({Coding::kGzip, Coding::kGzip}, gzip(whole.substr(0, 12))),
            std::string(kCorrupt) + "'gzip': the data ends too early");
}

TEST(ContentDecoder, RefusesOtherBytes) {
  EXPECT_TRUE(decode({Coding::kGzip}, R"({"inputs":[]})").starts_with(kCorrupt));
  EXPECT_TRUE(decode({Coding::kDeflate}, R"({"inputs":[]})").starts_with(kCorrupt));
  EXPECT_TRUE(decode({Coding::kGzip}, gzip("x") + "garbage").starts_with(kCorrupt));
  EXPECT_EQ(decode({Coding::kDeflate}, zlib("x") + "garbage"),
            std::string(kCorrupt) + "'deflate': there are bytes behind the compressed data");
  EXPECT_TRUE(decode({Coding::kDeflate}, raw("x") + "garbage").starts_with(kCorrupt));
  std::string damaged = gzip("some longer text that does not repeat itself");
  damaged[damaged.size() - 5] = static_cast<char>(damaged[damaged.size() - 5] ^ 1);  // of the CRC
  EXPECT_TRUE(decode({Coding::kGzip}, damaged).starts_with(kCorrupt));
  // Announces a preset dictionary, which nobody has agreed on.
  EXPECT_TRUE(decode({Coding::kDeflate}, "\x78\xbb\1\2\3\4\5\6").starts_with(kCorrupt));
}

TEST(ContentDecoder, StopsAtTheLimit) {
  const std::string text(1000, 'x');
  EXPECT_EQ(decode({Coding::kGzip}, gzip(text), 1000), text);
  EXPECT_TRUE(decode({Coding::kGzip}, gzip(text), 999).starts_with("exceeded: "));
  // Many members in a row are one body.
  EXPECT_TRUE(decode({Coding::kGzip}, gzip(text) + gzip("y"), 1000).starts_with("exceeded: "));
  // What an outer coding expands to counts as well, although nothing comes out in the end.
  std::string empties;
  for (int i = 0; i < 1000; ++i) empties += gzip("");
  EXPECT_TRUE(
      decode({Coding::kGzip, Coding::kGzip}, gzip(empties), 1000).starts_with("exceeded: "));
}

TEST(ContentDecoder, BombTakesNoMoreThanItsBudget) {
  const std::string bomb = gzip(std::string(std::size_t{8} << 20, '\0'));
  Text text(4096);
  ContentDecoder decoder({Coding::kGzip}, 10'000, text);
  EXPECT_FALSE(decoder.write(base::as_bytes(bomb)));
  EXPECT_TRUE(decoder.exceeded());
  EXPECT_EQ(text.str().size(), 10'000U);
}

TEST(ContentEncoder, RoundTrip) {
  for (const std::size_t size : {0U, 1U, 63U, 300U, 70'000U, 1'000'000U}) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i / 7);
    base::Chain body;
    body.append(text.substr(0, size / 3));
    body.append(text.substr(size / 3));
    for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
      for (const int level : {1, 6, 9}) {
        const auto encoded = encode_content(body, coding, level);
        ASSERT_TRUE(encoded);
        const std::string bytes = encoded->to_string();
        EXPECT_EQ(decode({coding}, bytes, 1 << 20, 4096), text) << size;
        const bool is_gzip = bytes.starts_with("\x1f\x8b");
        EXPECT_EQ(is_gzip, coding == Coding::kGzip);
      }
    }
    EXPECT_EQ(body.to_string(), text);
  }
}

}  // namespace
}  // namespace tfe::http
