// Compressed messages in both directions.
#include "grpc/compression.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

#include "grpc/fake_exchange.h"
#include "grpc/router.h"

namespace tfe::grpc {
namespace {

using http::Coding;
using testing::FakeExchange;

std::string compressed(std::string_view text, Coding coding) {
  auto encoded = http::encode_content(base::Chain::of(std::string(text)), coding, 6);
  return frame_message(*std::move(encoded), true).to_string();
}

std::expected<std::optional<Message>, Status> read(MessageReader& reader, std::string_view bytes,
                                                   std::size_t piece = SIZE_MAX) {
  while (!bytes.empty()) {
    base::Bytes input = base::as_bytes(bytes.substr(0, piece));
    bytes.remove_prefix(input.size());
    auto message = reader.next(input);
    if (!message || *message) return message;
  }
  return std::nullopt;
}

std::string inflated(std::string_view bytes, std::string encoding) {
  MessageReader reader(1U << 20, nullptr, nullptr, std::move(encoding));
  const auto message = read(reader, bytes);
  return message && *message ? std::string(base::as_text((*message)->bytes)) : "(none)";
}

TEST(GrpcCompression, KnowsItsEncodings) {
  EXPECT_EQ(parse_encoding(""), Coding::kIdentity);
  EXPECT_EQ(parse_encoding("identity"), Coding::kIdentity);
  EXPECT_EQ(parse_encoding("gzip"), Coding::kGzip);
  EXPECT_EQ(parse_encoding("deflate"), Coding::kDeflate);
  for (const char* other : {"snappy", "GZIP", "gzip, deflate", " "}) {
    EXPECT_FALSE(parse_encoding(other)) << other;
  }
}

TEST(GrpcCompression, ChoosesByLevelAndByWhatTheClientTakes) {
  constexpr std::string_view kBoth = "identity, deflate, gzip";
  EXPECT_EQ(choose_encoding(CompressionLevel::kNone, kBoth), Coding::kIdentity);
  EXPECT_EQ(choose_encoding(CompressionLevel::kLow, kBoth), Coding::kGzip);
  EXPECT_EQ(choose_encoding(CompressionLevel::kLow, "identity,deflate"), Coding::kDeflate);
  EXPECT_EQ(choose_encoding(CompressionLevel::kMedium, kBoth), Coding::kDeflate);
  EXPECT_EQ(choose_encoding(CompressionLevel::kHigh, kBoth), Coding::kDeflate);
  EXPECT_EQ(choose_encoding(CompressionLevel::kHigh, "gzip"), Coding::kGzip);
  EXPECT_EQ(choose_encoding(CompressionLevel::kHigh, "identity,snappy"), Coding::kIdentity);
  EXPECT_EQ(choose_encoding(CompressionLevel::kHigh, ""), Coding::kIdentity);
}

TEST(GrpcCompression, InflatesMessagesSplitAnywhere) {
  const std::string text = std::string(9'000, 'a') + "end";
  for (const Coding coding : {Coding::kGzip, Coding::kDeflate}) {
    const std::string bytes = compressed(text, coding);
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
      MessageReader reader(1U << 20, nullptr, nullptr, std::string(http::coding_name(coding)));
      const auto message = read(reader, bytes, piece);
      ASSERT_TRUE(message && *message);
      EXPECT_EQ(base::as_text((*message)->bytes), text);
      EXPECT_FALSE(reader.partial());
    }
  }
}

TEST(GrpcCompression, ReadsCompressedAndPlainMessagesOfOneCall) {
  MessageReader reader(1'000, nullptr, nullptr, "gzip");
  for (const std::string& text : {std::string("one"), std::string(), std::string(500, 'x')}) {
    const auto packed = read(reader, compressed(text, Coding::kGzip));
    ASSERT_TRUE(packed && *packed);
    EXPECT_EQ(base::as_text((*packed)->bytes), text);
    const auto plain = read(reader, frame_message(base::Chain::of(text)).to_string());
    ASSERT_TRUE(plain && *plain);
    EXPECT_EQ(base::as_text((*plain)->bytes), text);
  }
}

TEST(GrpcCompression, AlignsWhatItInflates) {
  const Aligner aligner = [](base::Bytes head) { return head.size() >= 100 ? 37UL : 0UL; };
  const std::string text(100'000, 'a');
  MessageReader reader(1U << 20, nullptr, aligner, "gzip");
  const auto message = read(reader, compressed(text, Coding::kGzip));
  ASSERT_TRUE(message && *message);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*message)->bytes.data() + 37) % 64, 0u);
}

TEST(GrpcCompression, RefusesWhatIsNotCompressed) {
  for (const std::string& junk : {std::string(), std::string("x"), std::string("hello there")}) {
    MessageReader reader(1'000, nullptr, nullptr, "gzip");
    const auto message = read(reader, frame_message(base::Chain::of(junk), true).to_string());
    ASSERT_FALSE(message) << junk;
    EXPECT_EQ(message.error().code, Code::kInternal);
    EXPECT_EQ(message.error().message, "Decompression failed due to zlib error");
  }
}

TEST(GrpcCompression, RefusesCutAndCorruptData) {
  const std::string whole = compressed(std::string(5'000, 'q') + "r", Coding::kGzip);
  const std::string body = whole.substr(kPrefixSize);
  std::string corrupt = body;
  corrupt[corrupt.size() - 6] = static_cast<char>(corrupt[corrupt.size() - 6] ^ 1);  // CRC
  for (const std::string& bad : {body.substr(0, body.size() - 1), corrupt, body + "tail"}) {
    EXPECT_EQ(inflated(frame_message(base::Chain::of(bad), true).to_string(), "gzip"), "(none)");
  }
}

TEST(GrpcCompression, StopsInflatingAtTheLimit) {
  const std::string bomb = compressed(std::string(10U << 20, '\0'), Coding::kGzip);
  ASSERT_LT(bomb.size(), 20'000u);
  const auto budget = std::make_shared<MemoryBudget>(1U << 30);
  MessageReader reader(100'000, budget, nullptr, "gzip");
  const auto message = read(reader, bomb);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, Code::kResourceExhausted);
  EXPECT_EQ(message.error().message, "SERVER: Decompressed message larger than max (100000)");
}

TEST(GrpcCompression, ChargesWhatItInflatesToTheBudget) {
  const std::string bytes = compressed(std::string(100'000, 'z'), Coding::kDeflate);
  const auto budget = std::make_shared<MemoryBudget>(150'000);
  MessageReader first(1U << 20, budget, nullptr, "deflate");
  auto held = read(first, bytes);
  ASSERT_TRUE(held && *held);
  EXPECT_EQ(budget->used(), 100'000u);
  {
    MessageReader second(1U << 20, budget, nullptr, "deflate");
    const auto refused = read(second, bytes);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  }
  held = std::nullopt;
  EXPECT_EQ(budget->used(), 0u);
}

// --- Responses -----------------------------------------------------------------------------------

class Parrot final : public UnaryHandler {
 public:
  using UnaryHandler::UnaryHandler;

 private:
  void on_request(Message message) override {
    call().reply(base::Chain::of(std::string(base::as_text(message.bytes))));
  }
};

class Keeper final : public CallHandler {
 public:
  explicit Keeper(int& cancels) : cancels_(cancels) {}
  void on_message(Message) override {}
  void on_half_close() override {}
  void on_cancel() override { ++cancels_; }

 private:
  int& cancels_;
};

class GrpcResponses : public ::testing::Test {
 protected:
  void serve(CompressionLevel level, std::size_t max_send_size = 1U << 20) {
    RouterOptions options;
    options.compression = level;
    options.max_send_size = max_send_size;
    options.offload = [this](std::move_only_function<void()> task) {
      if (!accepting_) return false;
      tasks_.push_back(std::move(task));
      return true;
    };
    router_ = std::make_unique<Router>(std::move(options));
    const auto parrot = [](const std::shared_ptr<Call>& call, const Metadata&) {
      return std::make_shared<Parrot>(call);
    };
    router_->add("/s/Compressed", parrot, nullptr, true);
    router_->add("/s/Plain", parrot);
    router_->add(
        "/s/Stream",
        [this](const std::shared_ptr<Call>& call, const Metadata&) {
          call_ = call;
          return std::make_shared<Keeper>(cancels_);
        },
        nullptr, true);
  }
  std::shared_ptr<http::RequestSink> open(std::string_view path,
                                          std::string_view accepted = "identity, deflate, gzip") {
    const std::vector<http::HeaderView> headers{{"grpc-accept-encoding", accepted}};
    http::RequestHead head;
    head.method = "POST";
    head.target = path;
    head.headers = headers;
    return router_->on_request(head, exchange_);
  }
  void ask(std::string_view path, std::string text) {
    const std::string bytes = frame_message(base::Chain::of(std::move(text))).to_string();
    open(path)->on_body(base::as_bytes(bytes));
  }
  void run_tasks() {
    for (; !tasks_.empty(); tasks_.pop_front()) tasks_.front()();
    exchange_.fake_strand().run();
  }

  std::deque<std::move_only_function<void()>> tasks_;
  bool accepting_ = true;
  FakeExchange exchange_;
  std::unique_ptr<Router> router_;
  std::shared_ptr<Call> call_;
  int cancels_ = 0;
};

TEST_F(GrpcResponses, AreCompressedWhereTheMethodWantsIt) {
  serve(CompressionLevel::kHigh);
  ask("/s/Compressed", std::string(1'000, 'a'));
  EXPECT_EQ(exchange_.value("grpc-encoding"), "deflate");
  EXPECT_EQ(exchange_.body[0], 1);
  EXPECT_EQ(inflated(exchange_.body, "deflate"), std::string(1'000, 'a'));
  exchange_ = FakeExchange();
  ask("/s/Plain", std::string(1'000, 'a'));
  EXPECT_EQ(exchange_.value("grpc-encoding"), "");
  EXPECT_EQ(exchange_.body.size(), 1'005u);
}

TEST_F(GrpcResponses, StayPlainWhereCompressionDoesNotShrink) {
  serve(CompressionLevel::kLow);
  ask("/s/Compressed", "abc");
  EXPECT_EQ(exchange_.value("grpc-encoding"), "gzip");
  EXPECT_EQ(exchange_.body, std::string("\0\0\0\0\3abc", 8));
}

TEST_F(GrpcResponses, AreCompressedElsewhereAndSentInOrder) {
  serve(CompressionLevel::kLow);
  const auto sink = open("/s/Stream");
  call_->send(base::Chain::of(std::string(50'000, 'l')));
  call_->send(base::Chain::of("small"));
  EXPECT_EQ(exchange_.body, "");
  EXPECT_EQ(call_->unsent(), 50'005u);
  call_->finish({});
  EXPECT_TRUE(call_->finished());
  EXPECT_EQ(exchange_.finishes, 0);
  run_tasks();
  EXPECT_EQ(exchange_.finishes, 1);
  EXPECT_EQ(inflated(exchange_.body, "gzip"), std::string(50'000, 'l'));
  EXPECT_TRUE(exchange_.body.ends_with(std::string("\0\0\0\0\5small", 10)));
  EXPECT_EQ(exchange_.value("grpc-status"), "0");
}

TEST_F(GrpcResponses, AreSentPlainWhenNobodyCompresses) {
  serve(CompressionLevel::kLow);
  accepting_ = false;
  ask("/s/Compressed", std::string(50'000, 'l'));
  EXPECT_EQ(exchange_.body.size(), 50'005u);
  EXPECT_EQ(exchange_.value("grpc-status"), "0");
}

TEST_F(GrpcResponses, AreDroppedWhenTheClientLeavesMeanwhile) {
  serve(CompressionLevel::kLow);
  const auto sink = open("/s/Stream");
  call_->send(base::Chain::of(std::string(50'000, 'l')));
  call_->finish({});
  sink->on_abort();
  run_tasks();
  EXPECT_EQ(exchange_.body, "");
  EXPECT_EQ(exchange_.finishes, 0);
}

TEST_F(GrpcResponses, BeyondTheLimitEndTheCall) {
  serve(CompressionLevel::kNone, 100);
  const auto sink = open("/s/Stream");
  call_->send(base::Chain::of(std::string(101, 'x')));
  EXPECT_EQ(exchange_.value("grpc-status"), "8");
  EXPECT_EQ(exchange_.value("grpc-message"), "SERVER: Sent message larger than max (101 vs. 100)");
  EXPECT_EQ(cancels_, 1);
  EXPECT_TRUE(exchange_.whole);
}

}  // namespace
}  // namespace tfe::grpc
