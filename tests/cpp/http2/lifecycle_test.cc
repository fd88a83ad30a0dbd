// Preface, drain, keepalive and time limits.
#include "http2/rig.h"

namespace tfe::http2 {
namespace {

using std::chrono::milliseconds;
using testing::answer;
using testing::Rig;
using testing::Seen;

void pass(Rig& rig, milliseconds time) {
  rig.now += time;
  rig.connection.on_deadline(rig.now);
}

TEST(Http2Preface, TellsHttp1ClientsWhatThisPortSpeaks) {
  const std::string request = "POST /v2/models HTTP/1.1\r\nhost: x\r\n\r\n";
  for (std::size_t piece = 1; piece <= request.size(); ++piece) {
    Rig rig;
    rig.deliver(request, piece);
    const std::string answer_text = rig.take_output();
    EXPECT_TRUE(answer_text.starts_with("HTTP/1.1 400 Bad Request\r\n")) << piece;
    EXPECT_NE(answer_text.find("HTTP/2"), std::string::npos);
    EXPECT_TRUE(rig.connection.finished());
  }
}

TEST(Http2Preface, SaysNothingToNoise) {
  for (const std::string& noise :
       {std::string("\x16\x03\x01\x00\xC8\x01"), std::string("hello\r\n"), std::string(100, 'A'),
        std::string("PRI*"), std::string(1, '\0')}) {
    Rig rig;
    rig.deliver(noise);
    EXPECT_TRUE(rig.connection.finished()) << noise;
    EXPECT_EQ(rig.take_output(), "");
    EXPECT_EQ(rig.handler.requests.size(), 0u);
  }
}

TEST(Http2Preface, SendsNothingBeforeThePreface) {
  Rig rig;
  EXPECT_EQ(rig.take_output(), "");
  rig.deliver(kClientPreface.substr(0, 10));
  EXPECT_EQ(rig.take_output(), "");
  rig.deliver(kClientPreface.substr(10));
  EXPECT_NE(rig.take_output(), "");
}

TEST(Http2Preface, MustComeInTime) {
  Rig rig;
  EXPECT_EQ(rig.connection.deadline(), rig.now + milliseconds(20'000));
  rig.deliver("PRI");
  pass(rig, milliseconds(19'999));
  EXPECT_FALSE(rig.connection.finished());
  pass(rig, milliseconds(1));
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Drain, TellsEveryRequestOnce) {
  Rig rig;
  rig.peer.request("", true);
  rig.talk();
  rig.connection.drain(rig.now);
  rig.connection.drain(rig.now);
  EXPECT_EQ(rig.request(0).drains, 1);
  // One that was on its way.
  rig.peer.request("", true);
  rig.deliver(rig.peer.take_output());
  EXPECT_EQ(rig.request(1).drains, 1);
  EXPECT_EQ(rig.request(0).drains, 1);
}

TEST(Http2Drain, RequestsMayEndWhenTheyAreTold) {
  Rig rig;
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(rig.peer.request("", true));
  rig.talk();
  rig.handler.on_drain = [](Seen& seen) { answer(*seen.exchange, "bye"); };
  rig.connection.drain(rig.now);
  rig.talk();
  for (const auto id : ids) EXPECT_EQ(rig.peer.reply(id).body, "bye");
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Drain, SaysGoodbyeInTwoStepsAndFinishesWhatIsOpen) {
  Rig rig;
  const auto first = rig.peer.request("", true);
  rig.talk();
  rig.connection.drain(rig.now);
  // A request that was on its way when the first GOAWAY left.
  const auto late = rig.peer.request("", true);
  const std::string on_its_way = rig.peer.take_output();
  EXPECT_TRUE(rig.peer.feed(rig.take_output()));
  ASSERT_EQ(rig.peer.goaways.size(), 1u);
  EXPECT_EQ(rig.peer.goaways[0], std::pair(INT32_MAX, 0u));
  rig.deliver(on_its_way);
  rig.talk();
  ASSERT_EQ(rig.peer.goaways.size(), 2u);
  EXPECT_EQ(rig.peer.goaways[1], std::pair(late, 0u));
  EXPECT_EQ(rig.handler.requests.size(), 2u);
  EXPECT_FALSE(rig.connection.finished());
  answer(*rig.request(0).exchange, "one");
  answer(*rig.request(1).exchange, "two");
  rig.talk();
  EXPECT_EQ(rig.peer.reply(first).body, "one");
  EXPECT_EQ(rig.peer.reply(late).body, "two");
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Drain, WaitsForTheAnswerToItsOwnPing) {
  Options options;
  options.keepalive_time = milliseconds(100);
  Rig rig(options);
  rig.peer.request("", true);
  rig.talk();
  pass(rig, milliseconds(100));
  EXPECT_TRUE(rig.peer.feed(rig.take_output()));
  const std::string answer_to_keepalive = rig.peer.take_output();
  rig.connection.drain(rig.now);
  rig.deliver(answer_to_keepalive);
  EXPECT_TRUE(rig.peer.feed(rig.take_output()));
  EXPECT_EQ(rig.peer.goaways.size(), 1u);
  rig.talk();
  EXPECT_EQ(rig.peer.goaways.size(), 2u);
}

TEST(Http2Drain, GoesOnWithoutTheAnswerToItsPing) {
  Rig rig;
  rig.talk();
  rig.connection.drain(rig.now);
  rig.take_output();
  pass(rig, milliseconds(1'000));
  const std::string goaway = rig.take_output();
  EXPECT_NE(goaway, "");
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Drain, EndsAConnectionThatHasNotBegun) {
  Rig rig;
  rig.connection.drain(rig.now);
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Drain, FollowsThePeersGoaway) {
  Rig rig;
  const auto id = rig.peer.request("", true);
  rig.talk();
  nghttp2_submit_goaway(rig.peer.session(), 0, 0, 0, nullptr, 0);
  rig.talk();
  EXPECT_FALSE(rig.connection.finished());
  answer(*rig.request(0).exchange, "last");
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body, "last");
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Stop, LetsRequestsSayTheirLast) {
  Rig rig;
  rig.handler.on_shutdown = [](Seen& seen) {
    if (seen.target == "/told") seen.exchange->respond({.status = 200, .headers = {}}, {});
  };
  const auto told = rig.peer.request("", false, {{":path", "/told"}});
  rig.peer.request("", false, {{":path", "/silent"}});
  rig.talk();
  rig.connection.give_up();
  EXPECT_TRUE(rig.peer.feed(rig.take_output()));
  EXPECT_TRUE(rig.peer.reply(told).ended);
  ASSERT_EQ(rig.peer.goaways.size(), 1u);
  EXPECT_EQ(rig.peer.goaways[0].second, 0u);
  rig.connection.abort();
  EXPECT_EQ(rig.request(0).aborts, 0);
  EXPECT_EQ(rig.request(1).aborts, 1);
}

TEST(Http2Idle, ClosesGracefullyWhenAsked) {
  Options options;
  options.idle_timeout = milliseconds(500);
  Rig rig(options);
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, "x"); };
  rig.peer.request("", true);
  rig.talk();
  pass(rig, milliseconds(500));
  rig.talk();
  ASSERT_EQ(rig.peer.goaways.size(), 1u);
  EXPECT_EQ(rig.peer.goaways[0], std::pair(INT32_MAX, 0u));
  // A peer without requests need not answer the PING that goes with it.
  pass(rig, milliseconds(1'000));
  rig.take_output();
  EXPECT_TRUE(rig.connection.finished());
}

TEST(Http2Idle, KeepsIdleConnectionsByDefault) {
  Rig rig;
  rig.talk();
  EXPECT_EQ(rig.connection.deadline(), std::nullopt);
}

TEST(Http2Keepalive, PingsWhileRequestsAreOpenAndDropsASilentPeer) {
  Options options;
  options.keepalive_time = milliseconds(100);
  options.keepalive_timeout = milliseconds(50);
  Rig rig(options);
  rig.peer.request("", true);
  rig.talk();
  pass(rig, milliseconds(100));
  EXPECT_NE(rig.take_output(), "");
  EXPECT_EQ(rig.connection.deadline(), rig.now + milliseconds(50));
  pass(rig, milliseconds(50));
  EXPECT_TRUE(rig.connection.finished());
  EXPECT_EQ(rig.request(0).aborts, 1);
}

TEST(Http2Keepalive, AnAnswerKeepsTheConnection) {
  Options options;
  options.keepalive_time = milliseconds(100);
  options.max_pings_without_data = 0;
  Rig rig(options);
  rig.peer.request("", true);
  rig.talk();
  for (int i = 0; i < 3; ++i) {
    pass(rig, milliseconds(100));
    rig.talk();
  }
  EXPECT_FALSE(rig.connection.finished());
  EXPECT_EQ(rig.connection.deadline(), rig.now + milliseconds(100));
}

TEST(Http2Keepalive, SlowsDownAfterPingsWithoutData) {
  Options options;
  options.keepalive_time = milliseconds(100);
  options.max_pings_without_data = 2;
  Rig rig(options);
  rig.peer.request("", true);
  rig.talk();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(rig.connection.deadline(), rig.now + milliseconds(100));
    pass(rig, milliseconds(100));
    rig.talk();
  }
  EXPECT_EQ(rig.connection.deadline(), rig.now + std::chrono::minutes(1));
  rig.request(0).exchange->start({});
  rig.talk();
  EXPECT_EQ(rig.connection.deadline(), rig.now + milliseconds(100));
}

TEST(Http2Keepalive, PingsIdleConnectionsWhenAsked) {
  Options options;
  options.keepalive_time = milliseconds(100);
  options.keepalive_without_calls = true;
  Rig rig(options);
  rig.talk();
  pass(rig, milliseconds(100));
  EXPECT_NE(rig.take_output(), "");
}

TEST(Http2Stall, LosesPatienceWhileAllConnectionsHoldTooMuch) {
  Options options;
  options.pressed_stall_timeout = milliseconds(1'000);
  options.responses = std::make_shared<ResponseBudget>(300'000);
  const auto open = [](Rig& rig) {
    rig.handler.on_open = [](Seen& seen) {
      seen.exchange->start({});
      seen.exchange->write(base::Chain::of(std::string(300'000, 'r')));
    };
    rig.peer.request("", true);
    rig.talk();
  };
  Rig first(options, {.settings = {}, .grant_credit = false});
  open(first);
  pass(first, milliseconds(2'500));
  EXPECT_FALSE(first.connection.finished());
  EXPECT_EQ(first.connection.deadline(), first.now + milliseconds(500));
  {
    Rig second(options, {.settings = {}, .grant_credit = false});
    open(second);
    pass(second, milliseconds(999));
    EXPECT_FALSE(second.connection.finished());
    pass(second, milliseconds(1));
    EXPECT_TRUE(second.connection.finished());
  }
  // The pressure is gone with it.
  pass(first, milliseconds(500));
  EXPECT_FALSE(first.connection.finished());
  EXPECT_GT(options.responses->held(), 0u);
  first.connection.abort();
  EXPECT_EQ(options.responses->held(), 0u);
}

TEST(Http2Stall, DropsAPeerThatTakesNothing) {
  Options options;
  options.write_stall_timeout = milliseconds(1'000);
  Rig rig(options, {.settings = {}, .grant_credit = false});
  rig.handler.on_open = [](Seen& seen) {
    seen.exchange->start({});
    seen.exchange->write(base::Chain::of(std::string(200'000, 'r')));
  };
  rig.peer.request("", true);
  rig.talk();
  pass(rig, milliseconds(999));
  EXPECT_FALSE(rig.connection.finished());
  pass(rig, milliseconds(1));
  EXPECT_TRUE(rig.connection.finished());
  EXPECT_EQ(rig.request(0).aborts, 1);
}

}  // namespace
}  // namespace tfe::http2
