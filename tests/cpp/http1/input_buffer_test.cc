#include "http1/input_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tfe::http1 {
namespace {

void add(InputBuffer& buffer, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const base::MutableBytes space = buffer.space();
    const auto piece = base::as_bytes(text).subspan(at, std::min(space.size(), text.size() - at));
    std::ranges::copy(piece, space.begin());
    buffer.added(piece.size());
    at += piece.size();
  }
}

TEST(InputBuffer, GrowsAndIsSmallAgainWhenAllWasUsed) {
  InputBuffer buffer;
  const std::string head = std::string(60'000, 'h') + "!";
  add(buffer, head + "next");
  EXPECT_EQ(buffer.text(), head + "next");
  buffer.consume(head.size());
  EXPECT_EQ(buffer.text(), "next");
  buffer.consume(4);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.space().size(), InputBuffer::kInitial);
  add(buffer, "again");
  EXPECT_EQ(buffer.text(), "again");
}

TEST(InputBuffer, KeepsItsInitialMemory) {
  InputBuffer buffer;
  const auto* const memory = buffer.space().data();
  add(buffer, "small");
  buffer.consume(5);
  EXPECT_EQ(buffer.space().data(), memory);
}

}  // namespace
}  // namespace tfe::http1
