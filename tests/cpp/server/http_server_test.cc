// Starting, draining and stopping, with clients and callbacks that do not care.
#include "server/http_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>
#include <vector>

#include "server/server_rig.h"

namespace tfe::server {
namespace {

using namespace std::chrono_literals;
using http::Strand;
using test::Client;
using test::eventually;
using test::kPatience;
using test::LineProtocol;

class HttpServerTest : public test::ServerTest {
 protected:
  // Requests that wait for their answer.
  struct Waiting {
    std::shared_ptr<Strand> strand;
    LineProtocol* protocol;
    std::shared_ptr<std::atomic<bool>> gone;
    void answer() const {
      strand->post(
          [p = protocol, g = gone] {
            if (!*g) p->answer("answer\n");
          },
          Strand::Where::kHere);
    }
  };
  void hold_requests() {
    on_line = [this](LineProtocol& protocol, std::string) {
      const std::lock_guard lock(mutex);
      waiting.push_back({protocol.strand(), &protocol, protocol.gone()});
    };
  }
  std::mutex mutex;
  std::vector<Waiting> waiting;
};

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(
      std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
}
std::size_t threads() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                    std::filesystem::directory_iterator()));
}

TEST_F(HttpServerTest, StartsOnceAndStopsAnyNumberOfTimes) {
  EXPECT_FALSE(server().running());
  EXPECT_EQ(server().port(), 0);
  server().stop();
  start();
  EXPECT_TRUE(server().running());
  EXPECT_NE(server().port(), 0);
  const auto twice = server().start();
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().code, base::Code::kAlreadyExists);
  server().stop();
  server().stop();
  EXPECT_FALSE(server().running());
  start();
  Client client(server().port());
  ASSERT_TRUE(client.send("again\n"));
  EXPECT_EQ(client.line(), "again\n");
}

TEST_F(HttpServerTest, LeavesNothingBehindInAThousandCycles) {
  start();
  server().stop();
  const std::size_t before = open_descriptors();
  const std::size_t threads_before = threads();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(server().start().has_value());
    server().stop();
  }
  EXPECT_EQ(open_descriptors(), before);
  // A joined thread may stay listed for a moment.
  EXPECT_TRUE(eventually([&] { return threads() <= threads_before; }));
}

TEST_F(HttpServerTest, NamesABadOption) {
  const auto message = [this](auto change) {
    auto changed = options;
    change(changed);
    HttpServer bad(changed, {});
    const auto started = bad.start();
    return started ? std::string() : started.error().message;
  };
  EXPECT_EQ(message([](auto& o) { o.threads = 0; }), "threads: expected 1..256, got 0");
  EXPECT_EQ(message([](auto& o) { o.threads = 257; }), "threads: expected 1..256, got 257");
  EXPECT_EQ(message([](auto& o) { o.max_connections = 0; }),
            "max_connections: expected at least 1");
  EXPECT_EQ(message([](auto& o) { o.loop.spin = 5000us; }), "spin_us: expected 0..1000, got 5000");
  EXPECT_EQ(message([](auto& o) { o.listen.inherited_fd = 12345; }),
            "inherited_fd 12345: expected a listening stream socket: Bad file descriptor");
}

TEST_F(HttpServerTest, RefusesATakenPort) {
  start();
  auto second = options;
  second.listen.port = server().port();
  HttpServer other(second, {});
  const auto started = other.start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().message,
            "Socket '127.0.0.1:" + std::to_string(server().port()) + "' already in use ");
}

TEST_F(HttpServerTest, SpreadsConnectionsEvenly) {
  options.threads = 4;
  std::mutex m;
  std::vector<std::thread::id> seen;
  on_line = [&](LineProtocol& protocol, std::string) {
    const std::lock_guard lock(m);
    seen.push_back(std::this_thread::get_id());
    protocol.answer("ok\n");
  };
  start();
  std::vector<Client> clients;
  for (int i = 0; i < 40; ++i) {
    Client& client = clients.emplace_back(server().port());
    ASSERT_TRUE(client.send("x\n"));
    EXPECT_EQ(client.line(), "ok\n");
  }
  for (const auto id : std::vector(seen)) EXPECT_EQ(std::ranges::count(seen, id), 10);
  EXPECT_EQ(server().statistics().connections, 40U);
  EXPECT_EQ(server().statistics().accepted_total, 40U);
}

TEST_F(HttpServerTest, ClosesConnectionsAboveTheLimit) {
  options.max_connections = 2;
  options.refusal_allowance = 0;
  start();
  Client a(server().port());
  Client b(server().port());
  ASSERT_TRUE(eventually([&] { return server().statistics().connections == 2; }));
  Client c(server().port());
  EXPECT_EQ(c.rest(), "");
  EXPECT_EQ(server().statistics().refused_total, 1U);
  ASSERT_TRUE(a.send("still\n"));
  EXPECT_EQ(a.line(), "still\n");
  a.close();
  ASSERT_TRUE(eventually([&] { return server().statistics().connections == 1; }));
  Client d(server().port());
  ASSERT_TRUE(d.send("room\n"));
  EXPECT_EQ(d.line(), "room\n");
}

TEST_F(HttpServerTest, ServesIp6AndUnixSockets) {
  options.listen.address = "::1";
  if (!server().start()) GTEST_SKIP() << "no IPv6 on this machine";
  Client six = Client::to_ip6(server().port());
  ASSERT_TRUE(six.send("six\n"));
  EXPECT_EQ(six.line(), "six\n");
}

TEST_F(HttpServerTest, ServesUnixSockets) {
  const std::string path = testing::TempDir() + "tfe-server-test.sock";
  options.listen.address = "unix:" + path;
  start();
  Client client = Client::to_unix(path);
  ASSERT_TRUE(client.send("file\n"));
  EXPECT_EQ(client.line(), "file\n");
  client.finish_sending();
  EXPECT_EQ(client.rest(), "");
  server().stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(HttpServerTest, DrainClosesIdleConnectionsAndWaitsForBusyOnes) {
  hold_requests();
  start();
  Client idle(server().port());
  Client busy(server().port());
  ASSERT_TRUE(busy.send("x\n"));
  ASSERT_TRUE(
      eventually([&] { return counts.lines == 1 && server().statistics().connections == 2; }));
  const std::uint16_t port = server().port();
  EXPECT_FALSE(server().drain(0s)) << "one is busy";
  EXPECT_EQ(idle.rest(), "");
  EXPECT_TRUE(eventually([&] { return !Client(port).connected(); })) << "nothing new";
  EXPECT_EQ(server().statistics().in_flight, 1U);

  waiting.front().answer();
  bool reset = true;
  EXPECT_EQ(busy.rest(&reset), "answer\n");
  EXPECT_FALSE(reset);
  busy.close();
  EXPECT_TRUE(server().drain(kPatience));
  EXPECT_EQ(server().statistics().connections, 0U);
  server().stop();
  EXPECT_TRUE(server().drain(0s)) << "nothing runs";
}

TEST_F(HttpServerTest, DisperseSendsThoseAwayWhoAreThereAndServesWhoComes) {
  hold_requests();
  start();
  Client idle(server().port());
  Client busy(server().port());
  ASSERT_TRUE(busy.send("x\n"));
  ASSERT_TRUE(
      eventually([&] { return counts.lines == 1 && server().statistics().connections == 2; }));
  server().disperse();
  EXPECT_EQ(idle.rest(), "");
  Client next(server().port());
  ASSERT_TRUE(next.send("y\n"));
  ASSERT_TRUE(eventually([&] { return counts.lines == 2; }));
  for (auto& call : waiting) call.answer();
  EXPECT_EQ(busy.rest(), "answer\n") << "and closed";
  EXPECT_EQ(next.line(), "answer\n");
  busy.close();
  EXPECT_TRUE(eventually([&] { return server().statistics().connections == 1; }));
  ASSERT_TRUE(next.send("z\n"));
  EXPECT_TRUE(eventually([&] { return counts.lines == 3; })) << "it stays";
  server().stop();
  server().disperse();  // nothing runs
}

TEST_F(HttpServerTest, DrainAnswersWhatWasSentBefore) {
  start();
  for (int i = 0; i < 50; ++i) {
    // The request may wait in the accept queue, in the socket, or be answered already.
    Client client(server().port());
    ASSERT_TRUE(client.send("sent\n"));
    std::jthread drainer([&] { EXPECT_TRUE(server().drain(kPatience)); });
    EXPECT_EQ(client.line(), "sent\n");
    client.close();
    drainer.join();
    server().stop();
    start();
  }
}

TEST_F(HttpServerTest, DrainGivesUpAndStopAborts) {
  hold_requests();
  Client busy = start_and_connect();
  ASSERT_TRUE(busy.send("x\n"));
  ASSERT_TRUE(eventually([&] { return counts.lines == 1; }));
  EXPECT_FALSE(server().drain(5ms));
  server().stop();
  EXPECT_EQ(counts.aborted, 1);
  EXPECT_EQ(busy.rest(), "");
  waiting.front().answer();  // finds its sink aborted
}

TEST_F(HttpServerTest, LeavesAnInheritedListenerToItsOwner) {
  const auto owner = net::Listener::open({.address = "127.0.0.1"});
  options.listen.inherited_fd = owner->fd();
  start();
  EXPECT_EQ(server().port(), owner->port());
  Client served(owner->port());
  ASSERT_TRUE(served.send("x\n"));
  EXPECT_EQ(served.line(), "x\n");
  std::jthread drainer([&] { EXPECT_TRUE(server().drain(kPatience)); });
  EXPECT_EQ(served.rest(), "");
  served.close();
  drainer.join();
  Client queued(owner->port());
  ASSERT_TRUE(queued.connected()) << "the owner's queue is open";
  ASSERT_TRUE(queued.send("later\n"));
  EXPECT_EQ(counts.lines, 1) << "and untouched by the drained server";
  server().stop();
  start();
  EXPECT_EQ(queued.line(), "later\n") << "a successor serves the queue";
}

// Handlers may stop or drain the server that they run on.
TEST_F(HttpServerTest, CanBeStoppedFromAHandler) {
  on_line = [this](LineProtocol& protocol, std::string line) {
    protocol.answer("ok\n");
    if (line == "drain") {
      EXPECT_FALSE(server().drain(1h));
    }
    if (line == "stop") server().stop();
  };
  for (const char* order : {"drain\n", "stop\n"}) {
    Client client = start_and_connect();
    ASSERT_TRUE(client.send(order));
    client.rest();
    client.close();
    EXPECT_TRUE(eventually([&] { return server().statistics().connections == 0; }));
    server().stop();
  }
  // start() completes a stop that a handler began.
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("stop\n"));
  ASSERT_TRUE(eventually([&] { return !server().running(); }));
  start();
}

TEST_F(HttpServerTest, CannotBeStartedAnewFromAHandlerThatStoppedIt) {
  on_line = [this](LineProtocol& protocol, std::string) {
    EXPECT_EQ(server().start().error().code, base::Code::kAlreadyExists);
    server().stop();
    EXPECT_EQ(server().start().error().code, base::Code::kUnavailable);
    protocol.answer("ok\n");
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  client.rest();
  EXPECT_EQ(counts.lines, 1);
  start();
}

TEST_F(HttpServerTest, CanBeStoppedFromATaskOnAnotherThread) {
  std::jthread core;
  on_line = [&](LineProtocol& protocol, std::string) {
    core = std::jthread([this, strand = protocol.strand()] {
      strand->post([this] { server().stop(); }, Strand::Where::kHere);
    });
  };
  Client client = start_and_connect();
  ASSERT_TRUE(client.send("x\n"));
  EXPECT_EQ(client.rest(), "");
  server().stop();
  EXPECT_EQ(counts.aborted, 1);
}

// The whole mess at once: clients that send on, callbacks on foreign threads, and a stop.
TEST_F(HttpServerTest, StopsUnderLoad) {
  std::atomic<bool> done = false;
  std::atomic<int> answered = 0;
  hold_requests();
  std::jthread core([&] {
    while (!done) {
      std::vector<Waiting> now;
      {
        const std::lock_guard lock(mutex);
        now.swap(waiting);
      }
      for (const Waiting& request : now) request.answer();
      std::this_thread::yield();
    }
  });
  std::atomic<std::uint16_t> port = 0;
  std::vector<std::jthread> clients;
  for (int c = 0; c < 3; ++c) {
    clients.emplace_back([&] {
      while (!done) {
        Client client(port.load());
        while (client.send("x\n") && client.line() == "answer\n") ++answered;
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    start();
    port = server().port();
    const int before = answered;
    // Some cycles with traffic for sure, the others as they come.
    if (i % 10 == 0) {
      EXPECT_TRUE(eventually([&] { return answered > before; }));
    }
    if (i % 4 == 1) server().drain(0s);
    server().stop();
    EXPECT_EQ(server().statistics().connections, 0U);
    EXPECT_EQ(server().statistics().in_flight, 0U);
  }
  done = true;
  clients.clear();
  core.join();
  waiting.clear();
  EXPECT_EQ(counts.made, counts.destroyed);
}

TEST_F(HttpServerTest, StopsFromSeveralThreads) {
  for (int i = 0; i < 20; ++i) {
    start();
    Client client(server().port());
    std::vector<std::jthread> stoppers;
    for (int t = 0; t < 3; ++t) {
      stoppers.emplace_back([&] {
        server().stop();
        EXPECT_FALSE(server().running());
      });
    }
  }
}

}  // namespace
}  // namespace tfe::server
