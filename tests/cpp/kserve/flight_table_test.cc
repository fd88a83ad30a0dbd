// What a supervisor reads of the requests that a dead worker had in hand.
#include "kserve/flight_table.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace tfe::kserve {
namespace {

constexpr std::size_t kOffset = FlightTable::kSize;

struct FlightTableTest : testing::Test {
  FlightTableTest() {
    EXPECT_EQ(::ftruncate(file.get(), 2 * FlightTable::kSize), 0);
    auto made = FlightTable::map(file.get(), kOffset);
    EXPECT_TRUE(made);
    table = *std::move(made);
  }

  template <typename T = std::uint32_t>
  T read(std::size_t at) const {
    T value{};
    EXPECT_EQ(::pread(file.get(), &value, sizeof value, static_cast<off_t>(kOffset + at)),
              sizeof value);
    return value;
  }
  std::string text(std::size_t at, std::size_t size) const {
    std::string found(size, '\0');
    EXPECT_EQ(::pread(file.get(), found.data(), size, static_cast<off_t>(kOffset + at)),
              static_cast<ssize_t>(size));
    return found.c_str();
  }
  std::size_t used() const {
    std::size_t count = 0;
    for (std::size_t cell = 1; cell <= FlightTable::kCells; ++cell) {
      count += read(cell * FlightTable::kCell) == FlightTable::kUsed;
    }
    return count;
  }

  base::UniqueFd file{::memfd_create("flights", MFD_CLOEXEC)};
  std::unique_ptr<FlightTable> table;
};

TEST_F(FlightTableTest, CellIsUsedUntilTheEndOfItsFlight) {
  EXPECT_EQ(read(0), FlightTable::kMagic);
  EXPECT_EQ(read(4), FlightTable::kCells);
  {
    const Flight flight = table->begin("model", "id");
    EXPECT_EQ(read(FlightTable::kCell), FlightTable::kUsed);
    EXPECT_GT(read<std::uint64_t>(FlightTable::kCell + 8), 0U);
    EXPECT_EQ(text(FlightTable::kCell + 16, 64), "model");
    EXPECT_EQ(text(FlightTable::kCell + 80, 48), "id");
  }
  EXPECT_EQ(used(), 0U);
}

TEST_F(FlightTableTest, MovedFlightEndsOnce) {
  Flight one = table->begin("a", "");
  Flight two = std::move(one);
  one.end();  // NOLINT(bugprone-use-after-move): empty
  EXPECT_EQ(used(), 1U);
  two = table->begin("b", "");
  EXPECT_EQ(used(), 1U);
  two.end();
  two.end();
  EXPECT_EQ(used(), 0U);
}

TEST_F(FlightTableTest, LongNamesAreCutAndOldOnesForgotten) {
  table->begin(std::string(100, 'm'), std::string(100, 'i')).end();
  std::vector<Flight> all;
  for (std::size_t i = 0; i < FlightTable::kCells - 1; ++i) all.push_back(table->begin("x", ""));
  all.push_back(table->begin("short", "s"));
  EXPECT_EQ(text(FlightTable::kCell + 16, 64), "short");
  EXPECT_EQ(text(FlightTable::kCell + 80, 48), "s");
  all[0] = table->begin(std::string(100, 'm'), std::string(100, 'i'));
  EXPECT_EQ(read<std::uint64_t>(8), 1U) << "no cell was free";
}

TEST_F(FlightTableTest, FullTableCountsTheRest) {
  std::vector<Flight> all;
  for (std::size_t i = 0; i < FlightTable::kCells + 5; ++i) all.push_back(table->begin("m", ""));
  EXPECT_EQ(used(), FlightTable::kCells);
  EXPECT_EQ(read<std::uint64_t>(8), 5U);
  all.clear();
  EXPECT_EQ(used(), 0U);
  const Flight again = table->begin("m", "");
  EXPECT_EQ(used(), 1U);
}

TEST_F(FlightTableTest, ThreadsNeverShareACell) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, name = std::string(1, static_cast<char>('a' + t))] {
      for (int i = 0; i < 20'000; ++i) {
        std::vector<Flight> few;
        for (int n = 0; n < 3; ++n) few.push_back(table->begin(name, name));
      }
    });
  }
  threads.clear();
  EXPECT_EQ(used(), 0U);
  EXPECT_EQ(read<std::uint64_t>(8), 0U);
}

TEST_F(FlightTableTest, WhatIsNoTableIsRefused) {
  EXPECT_FALSE(FlightTable::map(-1, 0));
  EXPECT_FALSE(FlightTable::map(file.get(), 2 * FlightTable::kSize)) << "behind the end";
  EXPECT_FALSE(FlightTable::map(file.get(), 1)) << "not a page";
  const base::UniqueFd null(::memfd_create("empty", MFD_CLOEXEC));
  const auto failed = FlightTable::map(null.get(), 0);
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().message.starts_with("flights_fd "));
}

TEST(BeginFlight, IsNothingWhereNothingIsRecorded) { begin_flight("m", "i").end(); }

}  // namespace
}  // namespace tfe::kserve
