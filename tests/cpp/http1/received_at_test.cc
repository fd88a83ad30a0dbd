// When the first byte of each request was seen.
#include <gtest/gtest.h>

#include "http1/peer.h"

namespace tfe::http1 {
namespace {

using std::chrono::seconds;

constexpr std::string_view kEmpty = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kWithBody =
    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";

TEST(Http1ReceivedAt, TheFirstByteOfAHeadThatComesSlowly) {
  Peer peer;
  const base::TimePoint start = peer.now + seconds(5);
  peer.now = start;
  peer.send(kEmpty.substr(0, 1));
  peer.now += seconds(1);
  peer.send(kEmpty.substr(1));
  EXPECT_EQ(peer.request(0).received_at, start);
}

TEST(Http1ReceivedAt, EachRequestOfAConnectionHasItsOwn) {
  Peer peer;
  for (std::size_t i = 0; i < 3; ++i) {
    peer.now += seconds(1);
    peer.send(kWithBody.substr(0, kWithBody.size() - 2));
    const base::TimePoint head = peer.now;
    peer.now += seconds(1);
    peer.send(kWithBody.substr(kWithBody.size() - 2));
    EXPECT_EQ(peer.request(i).received_at, head);
  }
}

TEST(Http1ReceivedAt, AHeadThatCameWithTheEndOfTheOneBefore) {
  Peer peer;
  peer.send(kWithBody.substr(0, kWithBody.size() - 2));
  peer.now += seconds(1);
  const base::TimePoint both = peer.now;
  peer.send(std::string(kWithBody.substr(kWithBody.size() - 2)) + std::string(kEmpty.substr(0, 9)));
  peer.now += seconds(1);
  peer.send(kEmpty.substr(9));
  EXPECT_EQ(peer.request(1).received_at, both);
}

}  // namespace
}  // namespace tfe::http1
