#include "grpc/framing.h"

#include <gtest/gtest.h>

#include <vector>

namespace tfe::grpc {
namespace {

std::string framed(std::string_view message, char flag = 0) {
  std::string bytes = frame_message(base::Chain::of(std::string(message))).to_string();
  bytes[0] = flag;
  return bytes;
}

std::vector<std::string> read_all(MessageReader& reader, std::string_view bytes,
                                  std::size_t piece) {
  std::vector<std::string> messages;
  while (!bytes.empty()) {
    base::Bytes input = base::as_bytes(bytes.substr(0, piece));
    bytes.remove_prefix(input.size());
    while (!input.empty()) {
      const auto message = reader.next(input);
      EXPECT_TRUE(message);
      if (message && *message) messages.emplace_back(base::as_text((*message)->bytes));
    }
  }
  return messages;
}

TEST(GrpcFraming, ReadsMessagesSplitAnywhere) {
  const std::vector<std::string> sent{"", "a", std::string(300, 'b'), "", "last"};
  std::string bytes;
  for (const std::string& message : sent) bytes += framed(message);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    MessageReader reader(1'000, nullptr);
    EXPECT_EQ(read_all(reader, bytes, piece), sent);
    EXPECT_FALSE(reader.partial());
  }
}

TEST(GrpcFraming, KnowsWhenAMessageIsCut) {
  const std::string bytes = framed("message");
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    MessageReader reader(1'000, nullptr);
    EXPECT_TRUE(read_all(reader, std::string_view(bytes).substr(0, cut), 1).empty());
    EXPECT_TRUE(reader.partial()) << cut;
  }
}

TEST(GrpcFraming, JudgesTheLengthAtThePrefix) {
  MessageReader reader(100, std::make_shared<MemoryBudget>(1U << 20));
  base::Bytes input = base::as_bytes(std::string_view("\0\xFF\xFF\xFF\xFF", 5));
  const auto message = reader.next(input);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, Code::kResourceExhausted);
  EXPECT_EQ(message.error().message,
            "SERVER: Received message larger than max (4294967295 vs. 100)");
}

TEST(GrpcFraming, RefusesUnknownFlags) {
  MessageReader reader(100, nullptr);
  const std::string bytes = framed("x", 2);
  base::Bytes input = base::as_bytes(bytes);
  const auto message = reader.next(input);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, Code::kInternal);
}

TEST(GrpcFraming, KeepsToTheBudgetAndGivesItBack) {
  const auto budget = std::make_shared<MemoryBudget>(1'000);
  const std::string bytes = framed(std::string(600, 'x'));
  MessageReader first(1'000, budget);
  base::Bytes input = base::as_bytes(bytes);
  auto held = first.next(input);
  ASSERT_TRUE(held && *held);
  EXPECT_EQ(budget->used(), 600u);
  MessageReader second(1'000, budget);
  input = base::as_bytes(bytes);
  const auto refused = second.next(input);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  held = std::optional<Message>();
  EXPECT_EQ(budget->used(), 0u);
  MessageReader third(1'000, budget);
  input = base::as_bytes(bytes);
  EXPECT_TRUE(third.next(input));
}

TEST(GrpcFraming, ChargesWhatArrivedNotWhatWasAnnounced) {
  const auto budget = std::make_shared<MemoryBudget>(1'000);
  const std::string begun = framed(std::string(900, 'x')).substr(0, kPrefixSize + 45);
  MessageReader first(1'000, budget);
  MessageReader second(1'000, budget);
  base::Bytes input = base::as_bytes(begun);
  EXPECT_TRUE(first.next(input));
  input = base::as_bytes(begun);
  EXPECT_TRUE(second.next(input));
  EXPECT_EQ(budget->used(), 90u);
}

TEST(GrpcFraming, GivesBackTheBudgetOfAMessageThatNeverCame) {
  const auto budget = std::make_shared<MemoryBudget>(1'000);
  {
    MessageReader reader(1'000, budget);
    const std::string bytes = framed(std::string(600, 'x')).substr(0, 50);
    base::Bytes input = base::as_bytes(bytes);
    EXPECT_TRUE(reader.next(input));
    EXPECT_EQ(budget->used(), 50u - kPrefixSize);
  }
  EXPECT_EQ(budget->used(), 0u);
}

TEST(GrpcFraming, AlignsWhatTheAlignerPointsAt) {
  MessageReader reader(1'000, nullptr, [](base::Bytes) -> std::size_t { return 7; });
  const std::string bytes = framed("1234567tensor");
  base::Bytes input = base::as_bytes(bytes);
  const auto message = reader.next(input);
  ASSERT_TRUE(message && *message);
  EXPECT_EQ(base::as_text((*message)->bytes), "1234567tensor");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>((*message)->bytes.data() + 7) % 64, 0u);
}

TEST(GrpcFraming, WritesThePrefixInNetworkOrder) {
  EXPECT_EQ(framed("").size(), 5u);
  EXPECT_EQ(framed(std::string(0x01'02'03, 'x')).substr(0, 5), std::string("\0\0\1\2\3", 5));
}

TEST(GrpcMemoryBudget, OfAConnectionTakesFromThatOfAll) {
  const auto all = std::make_shared<MemoryBudget>(100);
  MemoryBudget one(80, all);
  MemoryBudget other(80, all);
  EXPECT_TRUE(one.take(70));
  EXPECT_FALSE(one.take(11));
  EXPECT_FALSE(other.take(31));
  EXPECT_TRUE(other.take(30));
  EXPECT_EQ(all->used(), 100u);
  one.give_back(70);
  EXPECT_TRUE(other.take(50));
  other.give_back(80);
  EXPECT_EQ(all->used(), 0u);
}

}  // namespace
}  // namespace tfe::grpc
