#include "net/transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

namespace tfe::net {
namespace {

class PlainTransportTest : public testing::Test {
 protected:
  PlainTransportTest() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    transport_.emplace(base::UniqueFd(pair[0]), SocketAddress::of_local_end(pair[0]));
    peer_.reset(pair[1]);
  }
  std::string receive(std::size_t size) {
    std::string text(size, '\0');
    const ssize_t count = ::recv(peer_.get(), text.data(), size, 0);
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }

  std::optional<PlainTransport> transport_;
  base::UniqueFd peer_;
  std::array<std::byte, 8> buffer_{};
};

TEST_F(PlainTransportTest, ReadsUntilNothingIsLeft) {
  EXPECT_EQ(transport_->read(buffer_).state, IoState::kBlocked);
  ASSERT_EQ(::send(peer_.get(), "0123456789", 10, 0), 10);
  IoResult result = transport_->read(buffer_);
  EXPECT_EQ(result.state, IoState::kOk);
  EXPECT_EQ(result.count, 8U);
  EXPECT_FALSE(result.exhausted);
  result = transport_->read(buffer_);
  EXPECT_EQ(result.count, 2U);
  EXPECT_TRUE(result.exhausted);
  peer_.reset();
  EXPECT_EQ(transport_->read(buffer_).state, IoState::kEof);
}

TEST_F(PlainTransportTest, ReadsFirstWhatWasReceivedBefore) {
  EXPECT_FALSE(transport_->holds_input());
  const int fd = ::dup(transport_->fd());
  PlainTransport passed(base::UniqueFd(fd), transport_->peer(), "0123456789");
  ASSERT_EQ(::send(peer_.get(), "ab", 2, 0), 2);
  EXPECT_TRUE(passed.holds_input());
  std::string text;
  for (const std::size_t expected : {8U, 2U}) {
    const IoResult result = passed.read(buffer_);
    EXPECT_EQ(result.count, expected);
    EXPECT_FALSE(result.exhausted) << "the socket has not been asked";
    text += base::as_text(base::Bytes(buffer_).first(result.count));
  }
  EXPECT_FALSE(passed.holds_input());
  const IoResult result = passed.read(buffer_);
  text += base::as_text(base::Bytes(buffer_).first(result.count));
  EXPECT_EQ(text, "0123456789ab");
  EXPECT_TRUE(result.exhausted);
}

TEST_F(PlainTransportTest, GathersSegments) {
  // More than one system call takes.
  base::Chain chain;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const std::string piece = std::to_string(i) + ",";
    expected += piece;
    chain.append(piece);
  }
  while (!chain.empty()) {
    const IoResult result = transport_->write(chain.segments());
    ASSERT_EQ(result.state, IoState::kOk);
    EXPECT_FALSE(result.exhausted) << "the socket took all it was given";
    chain.consume(result.count);
  }
  EXPECT_EQ(receive(4096), expected);
}

TEST_F(PlainTransportTest, SaysWhenTheSocketIsFull) {
  base::Chain chain = base::Chain::of(std::string(16U << 20, 'x'));
  const IoResult part = transport_->write(chain.segments());
  EXPECT_EQ(part.state, IoState::kOk);
  EXPECT_LT(part.count, chain.size());
  EXPECT_TRUE(part.exhausted);
  EXPECT_EQ(transport_->write(chain.segments()).state, IoState::kBlocked);
}

TEST_F(PlainTransportTest, ReportsALostPeerWithoutASignal) {
  peer_.reset();
  const base::Chain chain = base::Chain::of("x");
  const IoResult result = transport_->write(chain.segments());
  EXPECT_EQ(result.state, IoState::kFailed);
  EXPECT_EQ(result.error, EPIPE);
}

TEST_F(PlainTransportTest, ShutsDownItsOwnSideOnly) {
  transport_->shutdown_write();
  EXPECT_EQ(receive(1), "");
  ASSERT_EQ(::send(peer_.get(), "x", 1, 0), 1);
  EXPECT_EQ(transport_->read(buffer_).count, 1U);
  EXPECT_EQ(transport_->alpn(), "");
}

}  // namespace
}  // namespace tfe::net
