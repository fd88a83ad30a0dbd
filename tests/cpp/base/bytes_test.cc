#include "base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tfe::base {
namespace {

Chain three_parts() {
  Chain chain;
  chain.append("abc");
  chain.append("");
  chain.append("de");
  chain.append("fghi");
  return chain;
}

TEST(Chain, KeepsNoEmptySegment) {
  EXPECT_EQ(three_parts().segments().size(), 3u);
  EXPECT_TRUE(Chain::of("").empty());
}

TEST(Chain, ConsumesAtEveryOffset) {
  const std::string all = three_parts().to_string();
  for (std::size_t count = 0; count <= all.size(); ++count) {
    Chain chain = three_parts();
    chain.consume(count);
    EXPECT_EQ(chain.to_string(), all.substr(count));
    EXPECT_EQ(chain.size(), all.size() - count);
  }
}

TEST(Chain, SplitsAtEveryOffset) {
  const std::string all = three_parts().to_string();
  for (std::size_t count = 0; count <= all.size(); ++count) {
    Chain tail = three_parts();
    const Chain head = tail.split(count);
    EXPECT_EQ(head.to_string(), all.substr(0, count));
    EXPECT_EQ(tail.to_string(), all.substr(count));
  }
}

TEST(Chain, DropsTheOwnerOfASegmentThatWasConsumed) {
  auto owner = std::make_shared<std::string>("tensor");
  std::weak_ptr<std::string> alive = owner;
  Chain chain = Chain::of("head");
  const Bytes bytes = as_bytes(*owner);
  chain.append(bytes, std::move(owner));
  chain.consume(5);
  EXPECT_FALSE(alive.expired());
  chain.consume(5);
  EXPECT_TRUE(alive.expired());
}

TEST(Chain, GrowsAndShrinksAsAQueue) {
  Chain chain;
  std::string taken;
  std::string given;
  for (int round = 0; round < 500; ++round) {
    const std::string piece(static_cast<std::size_t>(round % 3),
                            static_cast<char>('a' + round % 26));
    chain.append(piece);
    chain.append("z");
    given += piece + "z";
    taken += chain.split(std::min<std::size_t>(chain.size(), 1)).to_string();
  }
  EXPECT_EQ(taken + chain.to_string(), given);
  std::size_t left = 0;
  for (const Segment& segment : chain.segments()) left += segment.bytes.size();
  EXPECT_EQ(left, chain.size());
}

TEST(Chain, GivesUpMuchRoomForSegmentsWhenItIsEmpty) {
  for (const auto& [count, keeps] : {std::pair(10, true), std::pair(1000, false)}) {
    Chain chain;
    for (int i = 0; i < count; ++i) chain.append("x");
    chain.consume(chain.size());
    EXPECT_EQ(chain.segments().data() != nullptr, keeps) << count;
    chain.append("y");
    EXPECT_EQ(chain.to_string(), "y");
  }
}

TEST(Chain, AppendingAChainMovesItsSegments) {
  Chain chain = Chain::of("x");
  chain.append(three_parts());
  EXPECT_EQ(chain.to_string(), "xabcdefghi");
  EXPECT_EQ(chain.size(), 10u);
}

}  // namespace
}  // namespace tfe::base
