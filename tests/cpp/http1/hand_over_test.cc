// Requests that another server of the port answers, with the connection from there on.
#include <gtest/gtest.h>

#include <string>

#include "http1/peer.h"

namespace tfe::http1 {
namespace {

using http::HandedOver;

class HandOverTest : public testing::Test {
 protected:
  HandOverTest() { peer.others = HandedOver::kGone; }

  Peer peer;
  const std::string away =
      "POST /away HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
};

TEST_F(HandOverTest, GoesWithAllThatWasReceived) {
  peer.send(away + "bo");
  EXPECT_EQ(peer.handed_over, std::vector{away + "bo"});
  EXPECT_TRUE(peer.connection->finished());
  EXPECT_TRUE(peer.connection->idle());
  EXPECT_EQ(peer.connection->in_flight(), 0U);
  EXPECT_FALSE(peer.connection->wants_read()) << "what comes now is the other server's";
  EXPECT_EQ(peer.received, "") << "not a word to the client";
  EXPECT_FALSE(peer.connection->deadline().has_value());
  EXPECT_FALSE(peer.request(0).aborted);
  peer.connection->drain(peer.now);
  peer.connection->abort();
  EXPECT_EQ(peer.take(), "");
}

TEST_F(HandOverTest, HeadsThatCameInPiecesGoWhole) {
  peer.send(away, 7);
  ASSERT_EQ(peer.handed_over.size(), 1U);
  EXPECT_TRUE(away.starts_with(peer.handed_over.front()));
  EXPECT_TRUE(peer.handed_over.front().ends_with("\r\n\r\n"));
}

TEST_F(HandOverTest, FollowsRequestsThatWereAnswered) {
  peer.send("GET /now HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(peer.received, answer_text("200 OK", "now"));
  peer.send(away);
  EXPECT_EQ(peer.handed_over, std::vector{away});
}

TEST_F(HandOverTest, StaysWhileAnAnswerIsToBeSent) {
  peer.drains = false;
  peer.send("GET /now HTTP/1.1\r\nHost: h\r\n\r\n" + away + "body");
  EXPECT_TRUE(peer.handed_over.empty());
  EXPECT_TRUE(
      peer.take().ends_with(answer_text("503 Service Unavailable", "", "Connection: close\r\n")))
      << "with a body that was announced and not asked for, the connection ends";
}

TEST_F(HandOverTest, StaysIfNobodyTakesIt) {
  peer.others = HandedOver::kNobody;
  peer.send("GET /away HTTP/1.1\r\nHost: h\r\n\r\nGET /now HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(peer.received,
            answer_text("503 Service Unavailable", "") + answer_text("200 OK", "now"));
}

// Of an inbox that is full: somebody reads it soon.
class FullInboxTest : public HandOverTest {
 protected:
  FullInboxTest() {
    peer.others = HandedOver::kNoRoom;
    peer.send(away + "bo");
  }
  // The connection's next attempt.
  void wait() {
    const auto deadline = peer.connection->deadline();
    ASSERT_TRUE(deadline.has_value());
    EXPECT_GT(*deadline, peer.now);
    peer.now = *deadline;
    peer.connection->on_deadline(peer.now);
  }
};

TEST_F(FullInboxTest, IsTriedAgain) {
  EXPECT_EQ(peer.connection->in_flight(), 1U) << "a drain waits for it";
  EXPECT_FALSE(peer.connection->idle());
  EXPECT_FALSE(peer.connection->finished());
  EXPECT_FALSE(peer.connection->wants_read());
  peer.connection->on_deadline(peer.now);  // too early
  wait();
  wait();
  EXPECT_TRUE(peer.handed_over.empty());
  peer.connection->drain(peer.now);
  peer.others = HandedOver::kGone;
  wait();
  EXPECT_EQ(peer.handed_over, std::vector{away + "bo"});
  EXPECT_TRUE(peer.connection->finished());
  EXPECT_EQ(peer.connection->in_flight(), 0U);
  EXPECT_EQ(peer.take(), "");
}

TEST_F(FullInboxTest, IsNotWaitedForLongerThanTheLimit) {
  const base::TimePoint limit = peer.now + peer.options.limits.hand_over_timeout;
  while (peer.handler.requests.size() == 1) wait();
  EXPECT_GE(peer.now, limit);
  peer.send("dy");
  EXPECT_EQ(peer.take(), answer_text("503 Service Unavailable", "", "Connection: close\r\n"));
  EXPECT_TRUE(peer.handed_over.empty());
}

TEST_F(FullInboxTest, IsAnsweredHereIfTheOthersAreGone) {
  peer.others = HandedOver::kNobody;
  wait();
  ASSERT_EQ(peer.handler.requests.size(), 2U);
  EXPECT_EQ(peer.take(), answer_text("503 Service Unavailable", "", "Connection: close\r\n"));
}

TEST_F(FullInboxTest, EndsWithTheConnection) {
  peer.connection->abort();
  EXPECT_TRUE(peer.connection->finished());
  EXPECT_FALSE(peer.connection->deadline().has_value());
}

TEST(HandOver, OfTheLimitOnRequestsItCountsOnce) {
  Peer peer(Limits{.max_requests = 2});
  peer.others = HandedOver::kNoRoom;
  peer.send("GET /away HTTP/1.1\r\nHost: h\r\n\r\n");
  peer.others = HandedOver::kNobody;
  peer.now = *peer.connection->deadline();
  peer.connection->on_deadline(peer.now);
  peer.take();
  peer.others = HandedOver::kGone;
  peer.send("GET /away HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(peer.handed_over.size(), 1U) << "of one that stayed, the next may go";
}

TEST_F(HandOverTest, IsTooLateOnceTheRequestIsBegun) {
  peer.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n");
  EXPECT_FALSE(peer.request(0).exchange->hand_over());
  peer.send("body");
  EXPECT_FALSE(peer.request(0).exchange->hand_over());
  EXPECT_EQ(peer.received, answer_text("200 OK", "body"));
}

}  // namespace
}  // namespace tfe::http1
