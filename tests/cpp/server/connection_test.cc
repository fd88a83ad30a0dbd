// One connection at a time, over real sockets: bytes, ends of streams, tasks and timers.
#include "server/connection.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "server/server_rig.h"

namespace tfe::server {
namespace {

using namespace std::chrono_literals;
using http::Strand;
using test::Client;
using test::eventually;
using test::LineProtocol;

class ConnectionTest : public test::ServerTest {};

TEST_F(ConnectionTest, Echoes) {
  Client client = start_and_connect();
  for (int i = 0; i < 100; ++i) {
    const std::string text = "line " + std::to_string(i) + "\n";
    ASSERT_TRUE(client.send(text));
    EXPECT_EQ(client.line(), text);
  }
  ASSERT_TRUE(client.send("a\nb\nc"));
  EXPECT_EQ(client.line(), "a\n");
  EXPECT_EQ(client.line(), "b\n");
  ASSERT_TRUE(client.send("\n"));
  EXPECT_EQ(client.line(), "c\n");
}

TEST_F(ConnectionTest, AnswersAfterAHalfClose) {
  std::shared_ptr<Strand> strand;
  std::function<void()> answer;
  on_line = [&](LineProtocol& protocol, std::string line) {
    answer = [&protocol, line] { protocol.answer(line + "\n"); };
    strand = protocol.strand();
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("late\n"));
  client.finish_sending();
  ASSERT_TRUE(eventually([&] { return counts.eofs == 1; }));
  strand->post(std::move(answer), Strand::Where::kHere);
  bool reset = true;
  EXPECT_EQ(client.rest(&reset), "late\n");
  EXPECT_FALSE(reset);
  EXPECT_TRUE(eventually([&] { return counts.destroyed == 1; }));
  EXPECT_EQ(counts.aborted, 0);
}

TEST_F(ConnectionTest, AbortsWhenThePeerResets) {
  on_line = [](LineProtocol&, std::string) {};  // never answers
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  ASSERT_TRUE(eventually([&] { return counts.lines == 1; }));
  EXPECT_EQ(server().statistics().in_flight, 1U);
  client.reset();
  ASSERT_TRUE(eventually([&] { return counts.destroyed == 1; }));
  EXPECT_EQ(counts.aborted, 1);
  EXPECT_TRUE(eventually([&] { return server().statistics().connections == 0; }));
  EXPECT_EQ(server().statistics().in_flight, 0U);
}

TEST_F(ConnectionTest, NoticesAResetWhileItDoesNotRead) {
  on_line = [](LineProtocol& protocol, std::string) { protocol.pause(); };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  ASSERT_TRUE(eventually([&] { return counts.lines == 1; }));
  client.reset();
  ASSERT_TRUE(eventually([&] { return counts.destroyed == 1; }));
  EXPECT_EQ(counts.aborted, 1);
}

TEST_F(ConnectionTest, SendsALargeResponseToASlowReader) {
  constexpr std::size_t kSize = 64U << 20;
  auto tensor = std::make_shared<std::vector<std::byte>>(kSize);
  for (std::size_t i = 0; i < kSize; i += 4096) {
    (*tensor)[i] = static_cast<std::byte>(i / 4096 % 251);
  }
  on_line = [&](LineProtocol& protocol, std::string) {
    base::Chain chain = base::Chain::of("head\n");
    chain.append(base::Bytes(*tensor), tensor);
    chain.append("tail\n");
    protocol.answer(std::move(chain));
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  std::string all;
  while (all.size() < kSize + 10) {
    // Small bites, so that the server meets a full socket all the time.
    const std::string piece = client.read_some(all.size() < (1U << 20) ? 4096 : 1U << 20);
    ASSERT_FALSE(piece.empty());
    all += piece;
  }
  EXPECT_EQ(all.substr(0, 5), "head\n");
  EXPECT_EQ(all.substr(all.size() - 5), "tail\n");
  EXPECT_EQ(std::memcmp(all.data() + 5, tensor->data(), kSize), 0);
  EXPECT_TRUE(eventually([&] { return tensor.use_count() == 1; })) << "sent memory is let go";
  EXPECT_TRUE(eventually([&] { return server().statistics().bytes_out == kSize + 10; }));
}

// A response that is written by a thread of the core and does not fit waits for the loop.
TEST_F(ConnectionTest, FinishesOnTheLoopWhatAnotherThreadBegan) {
  constexpr std::size_t kSize = 16U << 20;
  std::jthread worker;
  on_line = [&](LineProtocol& protocol, std::string) {
    worker = std::jthread([&protocol, strand = protocol.strand()] {
      strand->post([&protocol] { protocol.answer(std::string(kSize, 'x') + "\n"); },
                   Strand::Where::kHere);
    });
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  EXPECT_EQ(client.line().size(), kSize + 1);
}

TEST_F(ConnectionTest, HoldsThePeerBackWhilePaused) {
  std::shared_ptr<Strand> strand;
  LineProtocol* paused = nullptr;
  on_line = [&](LineProtocol& protocol, std::string line) {
    protocol.answer(std::to_string(line.size()) + "\n");
    if (line == "pause") {
      protocol.pause();
      paused = &protocol;
      strand = protocol.strand();
    }
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("pause\n"));
  EXPECT_EQ(client.line(), "5\n");
  // More than the sockets' buffers hold, so the client can only end if the server reads on.
  std::jthread sender([&] { EXPECT_TRUE(client.send(std::string(32U << 20, 'y') + "\n")); });
  ASSERT_TRUE(eventually([&] { return server().statistics().bytes_in >= 6; }));
  EXPECT_EQ(server().statistics().bytes_in, 6U);
  strand->post([&] { paused->resume(); }, Strand::Where::kHere);
  EXPECT_EQ(client.line(), std::to_string(32U << 20) + "\n");
}

TEST_F(ConnectionTest, ReadsOnToTheEndAfterAPause) {
  std::shared_ptr<Strand> strand;
  LineProtocol* paused = nullptr;
  on_line = [&](LineProtocol& protocol, std::string line) {
    protocol.answer(line + "\n");
    if (line != "pause") return;
    protocol.pause();
    paused = &protocol;
    strand = protocol.strand();
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("pause\n"));
  EXPECT_EQ(client.line(), "pause\n");
  ASSERT_TRUE(client.send("more\n"));
  client.finish_sending();  // the only event for the end of the stream comes while paused
  strand->post([&] { paused->resume(); }, Strand::Where::kLoop);
  EXPECT_EQ(client.rest(), "more\n");
}

// Callbacks of several threads, as of a model with many instances.
TEST_F(ConnectionTest, TakesPostsFromManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 500;
  on_line = [](LineProtocol& protocol, std::string) {
    for (int i = 1; i < kThreads * kPosts; ++i) protocol.begin();
    for (int t = 0; t < kThreads; ++t) {
      std::thread([&protocol, strand = protocol.strand(), t] {
        for (int i = 0; i < kPosts; ++i) {
          strand->post([&protocol, t,
                        i] { protocol.answer(std::to_string(t) + " " + std::to_string(i) + "\n"); },
                       i % 3 == 0 ? Strand::Where::kLoop : Strand::Where::kHere);
        }
      }).detach();
    }
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("go\n"));
  std::vector<int> next(kThreads, 0);
  for (int n = 0; n < kThreads * kPosts; ++n) {
    const std::string line = client.line();
    ASSERT_FALSE(line.empty());
    const auto thread = static_cast<std::size_t>(std::stoi(line));
    EXPECT_EQ(std::stoi(line.substr(line.find(' '))), next.at(thread)++)
        << "posts keep their order";
  }
  EXPECT_TRUE(eventually([&] { return server().statistics().in_flight == 0; }));
}

// An answer that is ready at once comes back while the request is still being handed over.
TEST_F(ConnectionTest, QueuesWhatIsPostedFromTheStrandItself) {
  std::atomic<int> inside = 0;
  std::atomic<int> nested = 0;
  on_line = [&](LineProtocol& protocol, std::string line) {
    ++inside;
    protocol.strand()->post(
        [&, line] {
          if (inside > 0) ++nested;
          ++inside;
          protocol.strand()->post([&protocol, line] { protocol.answer(line + "\n"); },
                                  Strand::Where::kLoop);
          --inside;
        },
        Strand::Where::kHere);
    --inside;
  };
  Client client = start_and_connect();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.send("again\n"));
    EXPECT_EQ(client.line(), "again\n");
  }
  EXPECT_EQ(nested, 0);
}

// The same on a thread of the core: its task posts again.
TEST_F(ConnectionTest, QueuesRecursivePostsOnOtherThreads) {
  on_line = [](LineProtocol& protocol, std::string line) {
    std::thread([&protocol, strand = protocol.strand(), line] {
      auto first_done = std::make_shared<bool>(false);
      strand->post(
          [&protocol, strand, line, first_done] {
            strand->post(
                [&protocol, line, first_done] {
                  protocol.answer(line + (*first_done ? " after" : " inside") + "\n");
                },
                Strand::Where::kHere);
            *first_done = true;
          },
          Strand::Where::kHere);
    }).detach();
  };
  Client client = start_and_connect();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.send("x\n"));
    EXPECT_EQ(client.line(), "x after\n");
  }
}

TEST_F(ConnectionTest, RunsTasksAfterTheEnd) {
  std::shared_ptr<Strand> strand;
  on_line = [&](LineProtocol& protocol, std::string) { strand = protocol.strand(); };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  ASSERT_TRUE(eventually([&] { return counts.lines == 1; }));
  client.reset();
  ASSERT_TRUE(eventually([&] { return counts.destroyed == 1; }));
  for (int round = 0; round < 2; ++round) {
    auto owner = std::make_shared<int>(0);
    for (const auto where : {Strand::Where::kHere, Strand::Where::kLoop}) {
      std::atomic<int> ran = 0;
      strand->post(
          [&, owner] {
            ++ran;
            EXPECT_EQ(strand->run_at(base::Clock::now(), [owner] {}), 0U);
            strand->post([&, owner] { ++ran; }, Strand::Where::kLoop);
          },
          where);
      EXPECT_TRUE(eventually([&] { return ran == 2; }));
    }
    EXPECT_EQ(owner.use_count(), 1) << "what tasks own is let go";
    server().stop();  // and again without a loop
  }
}

TEST_F(ConnectionTest, RunsItsTimers) {
  on_line = [](LineProtocol& protocol, std::string line) {
    const auto cancelled = protocol.strand()->run_at(
        base::Clock::now(), [&protocol] { protocol.answer("cancelled ran\n"); });
    protocol.strand()->run_at(base::Clock::now() + 2ms,
                              [&protocol, line] { protocol.answer(line + "\n"); });
    protocol.strand()->cancel_timer(cancelled);
    protocol.strand()->cancel_timer(cancelled);
    protocol.strand()->cancel_timer(4711);
  };
  Client client = start_and_connect();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(client.send("timer\n"));
    EXPECT_EQ(client.line(), "timer\n");
  }
}

TEST_F(ConnectionTest, SetsTimersFromOtherThreads) {
  on_line = [](LineProtocol& protocol, std::string line) {
    std::thread([&protocol, strand = protocol.strand(), line] {
      strand->post(
          [&protocol, strand, line] {
            strand->run_at(base::Clock::now() + 2ms,
                           [&protocol, line] { protocol.answer(line + "\n"); });
          },
          Strand::Where::kHere);
    }).detach();
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  EXPECT_EQ(client.line(), "x\n");
}

TEST_F(ConnectionTest, CallsTheProtocolAtItsDeadline) {
  on_line = [](LineProtocol& protocol, std::string line) {
    protocol.answer("ok\n");
    // First a late one, then an earlier one, then a later one again.
    if (line == "late") protocol.set_deadline(base::Clock::now() + 1h);
    if (line == "soon") protocol.set_deadline(base::Clock::now() + 1ms);
    if (line == "back") protocol.set_deadline(base::Clock::now() + 5ms);
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("late\n"));
  EXPECT_EQ(client.line(), "ok\n");
  ASSERT_TRUE(client.send("soon\nback\n"));
  EXPECT_EQ(client.rest(), "ok\nok\ndeadline\n");
}

TEST_F(ConnectionTest, CutsOffAClientThatTakesNothing) {
  options.limits.write_timeout = 20ms;
  on_line = [](LineProtocol& protocol, std::string) {
    protocol.answer(std::string(64U << 20, 'x') + "\n");
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  ASSERT_TRUE(eventually([&] { return counts.destroyed == 1; }));
  EXPECT_EQ(counts.aborted, 1);
  EXPECT_LT(client.rest().size(), 64U << 20);
}

// The client still sends while the last response is on its way: closing at once would reset the
// connection and lose it.
TEST_F(ConnectionTest, LetsTheClientReadTheLastResponse) {
  on_line = [](LineProtocol& protocol, std::string) {
    protocol.answer("refused\n");
    protocol.finish();
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  ASSERT_TRUE(eventually([&] { return counts.destroyed == 1; }));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.send(std::string(10000, 'y')));
  bool reset = true;
  EXPECT_EQ(client.rest(&reset), "refused\n");
  EXPECT_FALSE(reset);
  client.close();
  EXPECT_TRUE(eventually([&] { return server().statistics().connections == 0; }));
}

TEST_F(ConnectionTest, DoesNotWaitForeverForTheClientToClose) {
  options.limits.linger_timeout = 5ms;
  on_line = [](LineProtocol& protocol, std::string) {
    protocol.answer("bye\n");
    protocol.finish();
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  EXPECT_EQ(client.rest(), "bye\n");
  EXPECT_TRUE(eventually([&] { return server().statistics().connections == 0; }));
}

TEST_F(ConnectionTest, ServesOthersBesideAFlood) {
  options.threads = 1;
  start();
  Client flood(server().port());
  Client other(server().port());
  std::atomic<bool> done = false;
  std::jthread sender([&] {
    std::string lines;
    for (int i = 0; i < 64; ++i) lines += std::string(1023, 'y') + "\n";
    while (!done && flood.send(lines)) {
    }
  });
  std::jthread reader([&] {
    while (!flood.read_some(1U << 20).empty()) {
    }
  });
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(other.send("ping\n"));
    EXPECT_EQ(other.line(), "ping\n");
  }
  done = true;
  sender.join();
  flood.finish_sending();
}

}  // namespace
}  // namespace tfe::server
