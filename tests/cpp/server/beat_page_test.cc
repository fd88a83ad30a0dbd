// What a supervisor reads of a server without its help.
#include "server/beat_page.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "server/server_rig.h"

namespace tfe::server {
namespace {

using test::Client;
using test::eventually;
using test::LineProtocol;

constexpr std::size_t kOffset = 2 * BeatPage::kSize;

class BeatPageTest : public test::ServerTest {
 protected:
  BeatPageTest() {
    EXPECT_EQ(::ftruncate(file.get(), 4 * BeatPage::kSize), 0);
    options.beats = {.fd = file.get(), .offset = kOffset, .completed = [] { return 42U; }};
    options.threads = 2;
  }

  template <typename T = std::uint64_t>
  T read(std::size_t at) const {
    T value{};
    EXPECT_EQ(::pread(file.get(), &value, sizeof value, static_cast<off_t>(kOffset + at)),
              sizeof value);
    return value;
  }
  std::uint64_t beat(std::size_t thread) const { return read(64 + 8 * thread); }

  base::UniqueFd file{::memfd_create("beats", MFD_CLOEXEC)};
};

TEST_F(BeatPageTest, EveryThreadBeatsUntilItEnds) {
  start();
  EXPECT_EQ(read<std::uint32_t>(0), BeatPage::kMagic);
  EXPECT_EQ(read<std::uint32_t>(4), 2U);
  for (const std::size_t thread : {0U, 1U}) {
    ASSERT_TRUE(eventually([&] { return beat(thread) != 0; }));
    const auto first = beat(thread);
    EXPECT_TRUE(eventually([&] { return beat(thread) > first; }));
  }
  EXPECT_EQ(beat(2), 0U);
  EXPECT_TRUE(eventually([&] { return read(32) == 42; })) << "requests completed";
  server().stop();
  EXPECT_EQ(beat(0), 0U);
  EXPECT_EQ(beat(1), 0U);
}

TEST_F(BeatPageTest, StuckThreadFallsSilentAndTheOtherBeatsOn) {
  std::atomic<bool> stuck = false;
  std::atomic<bool> release = false;
  on_line = [&](LineProtocol& protocol, std::string) {
    stuck = true;
    while (!release) std::this_thread::yield();
    protocol.answer("late\n");
  };
  Client client = start_and_connect();
  ASSERT_TRUE(eventually([&] { return beat(0) != 0 && beat(1) != 0; }));
  ASSERT_TRUE(client.send("x\n"));
  ASSERT_TRUE(eventually([&] { return stuck.load(); }));
  const std::uint64_t silent = beat(0);  // the first connection goes to the first thread
  const std::uint64_t other = beat(1);
  ASSERT_TRUE(eventually([&] { return beat(1) > other + 200'000'000; }));
  EXPECT_EQ(beat(0), silent);
  release = true;
  EXPECT_EQ(client.line(), "late\n");
  EXPECT_TRUE(eventually([&] { return beat(0) > silent; }));
}

TEST_F(BeatPageTest, CountsConnections) {
  options.max_connections = 1;
  options.refusal_allowance = 0;
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  EXPECT_EQ(client.line(), "x\n");
  EXPECT_EQ(read(8), 1U);
  EXPECT_EQ(read(16), 1U);
  Client refused(server().port());
  EXPECT_EQ(refused.rest(), "");
  EXPECT_TRUE(eventually([&] { return read(8) == 2; }))
      << "refused ones are no sign of a standstill";
  EXPECT_EQ(read(16), 1U);
  client.close();
  EXPECT_TRUE(eventually([&] { return read(16) == 0; }));
  server().stop();
  start();
  EXPECT_EQ(read(8), 0U) << "a new start forgets";
}

TEST_F(BeatPageTest, TouchesNoOtherPage) {
  start();
  ASSERT_TRUE(eventually([&] { return beat(1) != 0; }));
  server().stop();
  std::string before(kOffset, 'x');
  ASSERT_EQ(::pread(file.get(), before.data(), before.size(), 0),
            static_cast<ssize_t>(before.size()));
  EXPECT_EQ(before, std::string(kOffset, '\0'));
}

TEST_F(BeatPageTest, RefusesWhatCannotBeMapped) {
  const auto refused = [&](int fd, std::size_t offset) {
    const auto page = BeatPage::map(fd, offset);
    return !page && page.error().code == base::Code::kInvalidArgument &&
           page.error().message.starts_with("heartbeat_fd ");
  };
  EXPECT_TRUE(refused(-1, 0));
  EXPECT_TRUE(refused(0, 0)) << "no file";
  EXPECT_TRUE(refused(file.get(), 4 * BeatPage::kSize)) << "behind its end";
  EXPECT_TRUE(refused(file.get(), 100)) << "not at a page";
  options.beats.fd = 12345;
  EXPECT_FALSE(server().start().has_value());
}

}  // namespace
}  // namespace tfe::server
