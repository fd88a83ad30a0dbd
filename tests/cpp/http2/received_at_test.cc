// When the first byte of each request was seen.
#include <gtest/gtest.h>

#include "http2/rig.h"

namespace tfe::testing {
namespace {

TEST(Http2ReceivedAt, EachStreamHasItsOwn) {
  Rig rig;
  rig.talk();
  for (std::size_t i = 0; i < 2; ++i) {
    rig.now += std::chrono::seconds(1);
    rig.peer.request("body");
    rig.talk();
    EXPECT_EQ(rig.request(i).received_at, rig.now);
  }
}

}  // namespace
}  // namespace tfe::testing
