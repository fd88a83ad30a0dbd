// The pump against a transport that does exactly what the test says.
#include "server/socket_pump.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <string>

#include "server/line_protocol.h"

namespace tfe::server {
namespace {

using namespace std::chrono_literals;
using net::IoResult;
using net::IoState;

class ScriptedTransport final : public net::Transport {
 public:
  IoResult read(base::MutableBytes buffer) override {
    if (reads.empty()) return {};
    const IoResult result = reads.front();
    reads.pop_front();
    std::memset(buffer.data(), 'x', result.count);
    return result;
  }
  IoResult write(std::span<const base::Segment>) override {
    if (writes.empty()) return {};
    const IoResult result = writes.front();
    writes.pop_front();
    return result;
  }
  bool shutdown_write() override { return true; }
  int fd() const override { return -1; }
  const net::SocketAddress& peer() const override { return address; }

  std::deque<IoResult> reads;
  std::deque<IoResult> writes;
  net::SocketAddress address;
};

class SocketPumpTest : public testing::Test {
 protected:
  static IoResult moved(std::size_t count, bool exhausted) {
    return {.state = IoState::kOk, .count = count, .exhausted = exhausted};
  }
  static constexpr IoResult kCrossed{.crossed = true};

  void answer(std::size_t size) {
    protocol.begin();
    protocol.answer(std::string(size, 'a'));
  }
  SocketPump::Outcome send() { return pump.send(protocol, now, 1 << 20, 1 << 20); }

  test::Counts counts;
  test::LineProtocol protocol{nullptr, counts, [](test::LineProtocol&, std::string) {}};
  ScriptedTransport transport;
  SocketPump pump{transport, 1000};
  base::TimePoint now{};
};

TEST_F(SocketPumpTest, ReadsUntilTheTransportIsExhausted) {
  pump.note_readable();
  transport.reads = {moved(4, false), moved(4, false), moved(4, true), moved(99, true)};
  EXPECT_EQ(pump.receive(protocol, now, 1 << 20), SocketPump::Outcome::kDone);
  EXPECT_EQ(transport.reads.size(), 1U);
  EXPECT_EQ(pump.take_bytes_in(), 12U);
}

TEST_F(SocketPumpTest, ReadsThatGiveNothingUseUpTheBudgetToo) {
  const IoResult nothing{.exhausted = false};
  pump.note_readable();
  transport.reads.assign(100, nothing);
  EXPECT_EQ(pump.receive(protocol, now, 10'000), SocketPump::Outcome::kMore);
  EXPECT_GT(transport.reads.size(), 80U);
  EXPECT_EQ(pump.discard(10'000), SocketPump::Outcome::kMore);
  EXPECT_GT(transport.reads.size(), 60U);
  EXPECT_TRUE(pump.can_receive(protocol));
}

TEST_F(SocketPumpTest, ReadThatWaitsToWriteGoesOnWhenWritable) {
  pump.note_readable();
  transport.reads = {kCrossed, moved(4, true)};
  pump.receive(protocol, now, 1 << 20);
  EXPECT_TRUE(pump.take_watch_writable());
  EXPECT_FALSE(pump.can_receive(protocol));
  pump.note_writable();
  EXPECT_TRUE(pump.can_receive(protocol));
  pump.receive(protocol, now, 1 << 20);
  EXPECT_EQ(pump.take_bytes_in(), 4U);
  pump.note_writable();
  EXPECT_FALSE(pump.can_receive(protocol)) << "it waits for nothing any more";
}

TEST_F(SocketPumpTest, WriteThatWaitsToReadGoesOnWhenReadable) {
  answer(10);
  transport.writes = {kCrossed, moved(10, false)};
  EXPECT_EQ(send(), SocketPump::Outcome::kDone);
  EXPECT_FALSE(pump.all_sent());
  EXPECT_FALSE(pump.take_watch_writable()) << "the socket is writable all the time";
  EXPECT_EQ(transport.writes.size(), 1U);
  pump.note_readable();
  send();
  EXPECT_TRUE(pump.all_sent());
}

TEST_F(SocketPumpTest, DiscardWaitsForWhatTheReadWaitsFor) {
  pump.note_readable();
  transport.reads = {kCrossed, {.state = IoState::kEof}};
  EXPECT_EQ(pump.discard(1 << 20), SocketPump::Outcome::kDone);
  EXPECT_FALSE(pump.saw_eof());
  pump.note_writable();
  pump.discard(1 << 20);
  EXPECT_TRUE(pump.saw_eof());
}

TEST_F(SocketPumpTest, AReaderThatTricklesStalls) {
  answer(100'000);
  transport.writes = {moved(10, true)};
  send();
  const auto began = pump.stalled_since();
  ASSERT_EQ(began, now);
  for (int i = 0; i < 9; ++i) {
    now += 1s;
    pump.note_writable();
    transport.writes = {moved(100, true)};
    send();
    EXPECT_EQ(pump.stalled_since(), began) << "too little to count";
  }
  now += 1s;
  pump.note_writable();
  transport.writes = {moved(100, true)};
  send();
  EXPECT_EQ(pump.stalled_since(), now) << "a thousand bytes in all";
  pump.note_writable();
  transport.writes = {moved(100'000 - 1010, false)};
  send();
  EXPECT_EQ(pump.stalled_since(), std::nullopt);
}

}  // namespace
}  // namespace tfe::server
