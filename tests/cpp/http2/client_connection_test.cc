// The client's side of a connection against our own server's side.
#include "http2/client_connection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "http2/rig.h"

namespace tfe::http2 {
namespace {

using testing::Rig;
using testing::Seen;

struct Answer final : ResponseReceiver {
  std::string headers, body;
  int ends = 0;
  int losses = 0;
  bool untouched = false;

  void on_header(std::string_view name, std::string_view value) override {
    headers.append(name).append("=").append(value).append(";");
  }
  void on_data(base::Bytes data) override { body += base::as_text(data); }
  void on_end() override { ++ends; }
  void on_lost(bool nobody_looked) override {
    ++losses;
    untouched = nobody_looked;
  }
};

class ClientConnectionTest : public ::testing::Test {
 protected:
  ClientConnectionTest() { made_client_ = make(); }

  std::unique_ptr<ClientConnection> make() {
    return std::make_unique<ClientConnection>(Options{}, [this] { ++gone_; });
  }
  ClientConnection& client() { return *made_client_; }

  std::shared_ptr<Answer> ask(std::string body = "question") {
    const std::array<http::HeaderView, 5> fields{{{":method", "POST"},
                                                  {":scheme", "http"},
                                                  {":path", "/a"},
                                                  {":authority", "peer"},
                                                  {"key", "value"}}};
    auto answer = std::make_shared<Answer>();
    id_ = client().request(fields, base::Chain::of(std::move(body)), answer);
    return answer;
  }

  void give(const std::string& bytes) {
    std::string_view rest = bytes;
    while (!rest.empty() && client().wants_read()) {
      const base::MutableBytes room = client().receive_buffer();
      const std::size_t count = std::min({rest.size(), room.size(), piece_});
      std::memcpy(room.data(), rest.data(), count);
      rest.remove_prefix(count);
      client().received(count, rig_.now);
    }
  }

  // Both sides talk until neither has anything to say.
  void talk() {
    for (;;) {
      base::Chain& chain = client().output(budget_);
      const std::string out = chain.to_string();
      chain.consume(chain.size());
      rig_.deliver(out, piece_);
      const std::string back = rig_.take_output();
      give(back);
      if (out.empty() && back.empty()) return;
    }
  }

  void answer_all() {
    rig_.handler.on_complete = [](Seen& seen) {
      testing::answer(*seen.exchange, "to " + seen.body);
    };
  }

  Rig rig_;
  std::unique_ptr<ClientConnection> made_client_;
  std::optional<ClientConnection::Id> id_;
  std::size_t piece_ = SIZE_MAX;
  std::size_t budget_ = 1U << 20;
  int gone_ = 0;
};

TEST_F(ClientConnectionTest, ARequestAndItsAnswer) {
  answer_all();
  for (const std::size_t piece : {SIZE_MAX, std::size_t{7}, std::size_t{1}}) {
    piece_ = piece;
    const auto answer = ask();
    talk();
    EXPECT_EQ(answer->headers, ":status=200;content-type=t;grpc-status=0;");
    EXPECT_EQ(answer->body, "to question");
    EXPECT_EQ(answer->ends, 1);
    EXPECT_EQ(answer->losses, 0);
  }
  const Seen& seen = rig_.request(0);
  EXPECT_EQ(seen.target, "/a");
  EXPECT_EQ(seen.authority, "peer");
  EXPECT_EQ(seen.headers, (std::vector<std::pair<std::string, std::string>>{{"key", "value"}}));
  EXPECT_TRUE(client().idle());
  EXPECT_FALSE(client().finished());
}

TEST_F(ClientConnectionTest, LargeBodiesFlowBothWays) {
  answer_all();
  budget_ = 64U << 10;
  const std::string large(40U << 20, 'L');  // beyond every window
  const auto one = ask(large);
  const auto two = ask("small");
  talk();
  EXPECT_EQ(one->body.size(), large.size() + 3);
  EXPECT_EQ(two->body, "to small");
}

TEST_F(ClientConnectionTest, ACancelledRequestIsForgotten) {
  const auto answer = ask();
  talk();
  client().cancel(*id_);
  client().cancel(*id_);
  talk();
  EXPECT_EQ(rig_.request(0).aborts, 1);
  EXPECT_EQ(answer->ends + answer->losses, 0);
  EXPECT_TRUE(client().idle());
}

TEST_F(ClientConnectionTest, ACancelledRequestThatWasNeverSent) {
  const auto answer = ask();
  client().cancel(*id_);
  talk();
  EXPECT_TRUE(rig_.handler.requests.empty());
  EXPECT_EQ(answer->ends + answer->losses, 0);
}

TEST_F(ClientConnectionTest, TheEndOfTheConnectionLosesRequests) {
  const auto answer = ask();
  talk();
  client().received_eof(rig_.now);
  EXPECT_EQ(answer->losses, 1);
  EXPECT_FALSE(answer->untouched) << "it may have been answered";
  EXPECT_TRUE(client().finished());
  EXPECT_FALSE(client().open());
  ask();
  EXPECT_FALSE(id_);
}

TEST_F(ClientConnectionTest, ARefusedRequestWasNotLookedAt) {
  rig_.handler.on_open = [](Seen& seen) { seen.exchange->abort(http::AbortReason::kRefused); };
  const auto answer = ask();
  talk();
  EXPECT_EQ(answer->losses, 1);
  EXPECT_TRUE(answer->untouched);
}

TEST_F(ClientConnectionTest, AResetRequestMayHaveBeen) {
  rig_.handler.on_complete = [](Seen& seen) { seen.exchange->abort(http::AbortReason::kInternal); };
  const auto answer = ask();
  talk();
  EXPECT_EQ(answer->losses, 1);
  EXPECT_FALSE(answer->untouched);
}

TEST_F(ClientConnectionTest, AServerThatDrainsGetsNothingNewAndFinishes) {
  const auto answer = ask();
  talk();
  rig_.connection.drain(rig_.now);
  talk();
  EXPECT_FALSE(client().open());
  EXPECT_FALSE(client().finished());
  testing::answer(*rig_.request(0).exchange, "late");
  talk();
  EXPECT_EQ(answer->body, "late");
  EXPECT_TRUE(client().finished());
}

TEST_F(ClientConnectionTest, ADrainOfOurOwnWaitsForAnswers) {
  const auto answer = ask();
  talk();
  client().drain(rig_.now);
  EXPECT_FALSE(client().open());
  EXPECT_FALSE(client().finished());
  testing::answer(*rig_.request(0).exchange, "x");
  talk();
  EXPECT_TRUE(client().finished());
}

TEST_F(ClientConnectionTest, NoiseEndsIt) {
  const auto answer = ask();
  talk();
  give("HTTP/1.1 400 Bad Request\r\n\r\n");
  talk();
  EXPECT_EQ(answer->losses, 1);
  EXPECT_TRUE(client().finished());
}

TEST_F(ClientConnectionTest, ItsOwnerHearsOfItsEnd) {
  const auto answer = ask();
  made_client_.reset();
  EXPECT_EQ(gone_, 1);
  EXPECT_EQ(answer->losses, 1);
}

}  // namespace
}  // namespace tfe::http2
