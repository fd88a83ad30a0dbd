// A server of LineProtocol connections on 127.0.0.1, for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "net/test_socket.h"
#include "server/http_server.h"
#include "server/line_protocol.h"

namespace tfe::test {

class ServerTest : public testing::Test {
 protected:
  server::ServerOptions options;
  Counts counts;
  LineProtocol::OnLine on_line = [](LineProtocol& protocol, std::string line) {
    protocol.answer(line + "\n");
  };

  ServerTest() { options.listen.address = "127.0.0.1"; }
  ~ServerTest() override {
    if (server_) server_->stop();
    EXPECT_EQ(counts.made, counts.destroyed);
    EXPECT_EQ(counts.overlaps, 0);
  }

  // Made on first use, so that a test can set the above before.
  server::HttpServer& server() {
    if (!server_) {
      server_ = std::make_unique<server::HttpServer>(
          options, [this](const server::Peer&, std::shared_ptr<http::Strand> strand) {
            return std::make_unique<LineProtocol>(std::move(strand), counts, on_line);
          });
    }
    return *server_;
  }
  Client start_and_connect() {
    start();
    return Client(server().port());
  }
  void start() {
    const auto started = server().start();
    ASSERT_TRUE(started.has_value()) << started.error().message;
  }

 private:
  std::unique_ptr<server::HttpServer> server_;
};

}  // namespace tfe::test
