// Windows, credit and frame sizes.
#include "http2/rig.h"

namespace tfe::http2 {
namespace {

using testing::answer;
using testing::Peer;
using testing::Rig;
using testing::Seen;

TEST(Http2FlowControl, AnnouncesItsSettingsAndWindow) {
  Rig rig;
  rig.talk();
  auto* session = rig.peer.session();
  const auto setting = [&](nghttp2_settings_id id) {
    return nghttp2_session_get_remote_settings(session, id);
  };
  EXPECT_EQ(setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE), 4U << 20);
  EXPECT_EQ(setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE), 1U << 20);
  EXPECT_EQ(setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE), 16'384u);
  EXPECT_EQ(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 8'192u);
  EXPECT_EQ(nghttp2_session_get_remote_window_size(session), 8 << 20);
}

TEST(Http2FlowControl, ReturnsCreditForWhatWasRead) {
  Rig rig;
  const std::string body(20U << 20, 'b');
  rig.peer.request(body, true);
  rig.talk();
  EXPECT_EQ(rig.request(0).body.size(), body.size());
  EXPECT_EQ(rig.request(0).ends, 1);
}

TEST(Http2FlowControl, ReturnsCreditForWhatNobodyReads) {
  Rig rig;
  rig.handler.on_open = [](Seen& seen) { answer(*seen.exchange, "no thanks"); };
  for (int i = 0; i < 30; ++i) {
    rig.peer.request(std::string(1U << 20, 'b'), true);
    rig.talk();
  }
  EXPECT_GT(nghttp2_session_get_remote_window_size(rig.peer.session()), 4 << 20);
}

TEST(Http2FlowControl, HoldsThePeerBackWhilePaused) {
  Rig rig;
  rig.handler.on_open = [](Seen& seen) { seen.exchange->pause_body(); };
  const auto id = rig.peer.request(std::string(6U << 20, 'b'), true);
  rig.talk();
  EXPECT_EQ(rig.request(0).body, "");
  EXPECT_EQ(nghttp2_session_get_stream_remote_window_size(rig.peer.session(), id), 0);
  rig.request(0).exchange->resume_body();
  rig.strand->run();
  rig.talk();
  EXPECT_EQ(rig.request(0).body.size(), 6U << 20);
  EXPECT_EQ(rig.request(0).ends, 1);
}

TEST(Http2FlowControl, LetsTheClientOfALargeRequestSendFurtherAhead) {
  Options options;
  options.max_stream_window = 6U << 20;
  options.max_connection_window = 10U << 20;
  Rig rig(options);
  rig.handler.on_open = [](Seen& seen) { seen.exchange->expect_body(100U << 20); };
  rig.talk();
  const auto id = rig.peer.request("", false);
  rig.talk();
  auto* session = rig.peer.session();
  EXPECT_EQ(nghttp2_session_get_stream_remote_window_size(session, id), 6 << 20);
  EXPECT_EQ(nghttp2_session_get_remote_window_size(session), 10 << 20);
  rig.peer.more(id, std::string(20U << 20, 'b'), true);
  rig.talk();
  EXPECT_EQ(rig.request(0).body.size(), 20U << 20);
}

TEST(Http2FlowControl, DoesNotShrinkWindows) {
  Rig rig;
  rig.handler.on_open = [](Seen& seen) {
    seen.exchange->expect_body(6U << 20);
    seen.exchange->expect_body(5U << 20);
    seen.exchange->expect_body(1);
  };
  rig.talk();
  const auto id = rig.peer.request("", false);
  rig.talk();
  EXPECT_EQ(nghttp2_session_get_stream_remote_window_size(rig.peer.session(), id), 6 << 20);
  EXPECT_EQ(nghttp2_session_get_remote_window_size(rig.peer.session()), 12 << 20);
}

TEST(Http2FlowControl, APausedRequestDoesNotHoldBackTheOthers) {
  Options options;
  options.connection_window = 65'535;
  options.stream_window = 65'535;
  options.max_held = 65'535;
  Rig rig(options);
  rig.handler.on_open = [](Seen& seen) {
    if (seen.target == "/paused") seen.exchange->pause_body();
  };
  rig.talk();
  rig.peer.request(std::string(100'000, 'p'), true, {{":path", "/paused"}});
  rig.talk();
  rig.peer.request(std::string(200'000, 'o'), true);
  rig.talk();
  EXPECT_EQ(rig.request(1).body.size(), 200'000u);
  // Twice as much is too much.
  rig.peer.request(std::string(100'000, 'p'), true, {{":path", "/paused"}});
  rig.talk();
  rig.peer.request(std::string(100, 'o'), true);
  rig.talk();
  EXPECT_EQ(rig.request(3).body, "");
  rig.request(0).exchange->resume_body();
  rig.strand->run();
  rig.talk();
  EXPECT_EQ(rig.request(0).body.size(), 100'000u);
  EXPECT_EQ(rig.request(3).body.size(), 100u);
  rig.request(2).exchange->resume_body();
  rig.strand->run();
  rig.talk();
  EXPECT_EQ(rig.request(2).body.size(), 100'000u);
  EXPECT_EQ(rig.request(2).ends, 1);
}

TEST(Http2FlowControl, PausesAreCounted) {
  Rig rig;
  rig.handler.on_open = [](Seen& seen) {
    seen.exchange->pause_body();
    seen.exchange->pause_body();
  };
  rig.peer.request("body", true);
  rig.talk();
  rig.request(0).exchange->resume_body();
  rig.strand->run();
  EXPECT_EQ(rig.request(0).body, "");
  rig.request(0).exchange->resume_body();
  rig.strand->run();
  EXPECT_EQ(rig.request(0).body, "body");
  EXPECT_EQ(rig.request(0).ends, 1);
}

TEST(Http2FlowControl, WaitsForCreditAndGoesOn) {
  Rig rig({}, {.settings = {}, .grant_credit = false});
  const auto id = rig.peer.request("", true);
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, std::string(100'000, 'r')); };
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body.size(), 65'535u);
  rig.peer.credit(0, 100'000);
  rig.peer.credit(id, 10);
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body.size(), 65'545u);
  rig.peer.credit(id, 100'000);
  rig.talk();
  EXPECT_EQ(rig.peer.reply(id).body.size(), 100'000u);
  EXPECT_EQ(rig.peer.reply(id).value("grpc-status"), "0");
}

TEST(Http2FlowControl, CutsFramesAtWhatThePeerAllowsAndAtItsOwnCap) {
  const auto frames = [](std::uint32_t peer_max) {
    Rig rig({}, {.settings = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4U << 20},
                              {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, peer_max}}});
    rig.peer.credit(0, 4 << 20);
    const auto id = rig.peer.request("", true);
    rig.handler.on_complete = [](Seen& seen) {
      answer(*seen.exchange, std::string(1U << 20, 'r'));
    };
    rig.talk();
    EXPECT_EQ(rig.peer.reply(id).body.size(), 1U << 20);
    return rig.peer.reply(id).frames;
  };
  EXPECT_EQ(frames(16'384), std::vector<std::size_t>(64, 16'384));
  EXPECT_EQ(frames(1U << 20), std::vector<std::size_t>(4, 256U << 10));
}

TEST(Http2FlowControl, AnswersPingsAheadOfWaitingData) {
  Rig rig({}, {.settings = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 8U << 20}}});
  rig.peer.credit(0, 8 << 20);
  const auto id = rig.peer.request("", true);
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, std::string(4U << 20, 'r')); };
  rig.deliver(rig.peer.take_output());
  base::Chain& chain = rig.connection.output(64U << 10);
  EXPECT_LT(chain.size(), 128U << 10);
  EXPECT_TRUE(rig.peer.feed(chain.to_string()));
  chain.consume(chain.size());
  rig.peer.ping();
  rig.deliver(rig.peer.take_output());
  EXPECT_TRUE(rig.peer.feed(rig.connection.output(64U << 10).to_string()));
  EXPECT_EQ(rig.peer.ping_acks, 1u);
  EXPECT_LT(rig.peer.reply(id).body.size(), 256U << 10);
}

TEST(Http2FlowControl, RefusesRequestsWhileTooMuchOutputWaits) {
  Options options;
  options.max_pending_response = 100'000;
  Rig rig(options, {.settings = {}, .grant_credit = false});
  rig.handler.on_complete = [](Seen& seen) { answer(*seen.exchange, std::string(200'000, 'r')); };
  rig.peer.request("", true);
  rig.talk();
  const auto refused = rig.peer.request("", true);
  rig.talk();
  EXPECT_EQ(rig.peer.reply(refused).close_code, static_cast<std::uint32_t>(NGHTTP2_REFUSED_STREAM));
  EXPECT_EQ(rig.handler.requests.size(), 1u);
}

}  // namespace
}  // namespace tfe::http2
