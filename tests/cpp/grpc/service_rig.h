// One call on a router with a service under test, over a recorded exchange.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grpc/fake_exchange.h"
#include "grpc/framing.h"
#include "grpc/router.h"

namespace tfe::testing {

class ServiceRig : public ::testing::Test {
 protected:
  // A protocol tells every sink of the end, which lets call and handler go.
  void TearDown() override { close(); }
  void close() {
    if (sink) sink->on_abort();
    sink.reset();
  }

  void open(std::string_view path) {
    close();
    exchange = FakeExchange();
    http::RequestHead head;
    head.method = "POST";
    head.target = path;
    sink = router.on_request(head, exchange);
  }
  void send(const std::string& message) {
    const std::string bytes = grpc::frame_message(base::Chain::of(message)).to_string();
    sink->on_body(base::as_bytes(bytes));
  }
  // The messages answered since the last call.
  std::vector<std::string> take() {
    std::vector<std::string> messages;
    std::string_view rest = exchange.body;
    while (!rest.empty()) {
      std::size_t size = 0;
      for (std::size_t at = 1; at < grpc::kPrefixSize; ++at) {
        size = size << 8 | static_cast<unsigned char>(rest[at]);
      }
      messages.emplace_back(rest.substr(grpc::kPrefixSize, size));
      rest.remove_prefix(grpc::kPrefixSize + size);
    }
    exchange.body.clear();
    return messages;
  }
  std::string status() const { return exchange.value("grpc-status"); }

  base::TimePoint now{std::chrono::hours(1)};
  FakeExchange exchange;
  grpc::Router router;
  std::shared_ptr<http::RequestSink> sink;
};

}  // namespace tfe::testing
