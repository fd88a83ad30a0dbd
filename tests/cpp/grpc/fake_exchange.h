// An exchange that records what a call answers.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http2/fake_strand.h"

namespace tfe::testing {

class FakeExchange final : public http::Exchange {
 public:
  const std::shared_ptr<http::Strand>& strand() override { return strand_; }
  std::shared_ptr<void>* connection_slot() override { return &slot; }
  void send_continue() override {}
  void pause_body() override { ++pauses; }
  void resume_body() override { --pauses; }
  void expect_body(std::size_t bytes) override { expected = bytes; }
  void respond(http::ResponseHead given, base::Chain given_body) override {
    start(std::move(given));
    write(std::move(given_body));
    finish({});
    whole = true;
  }
  void start(http::ResponseHead given) override { head = std::move(given); }
  void write(base::Chain piece) override { body += piece.to_string(); }
  void finish(http::Trailers given) override {
    trailers = std::move(given);
    ++finishes;
  }
  void abort(http::AbortReason) override { ++finishes; }
  std::size_t unsent() const override { return waiting; }

  std::string value(std::string_view name) const {
    for (const auto& header : trailers) {
      if (header.name == name) return header.value;
    }
    if (!head) return {};
    for (const auto& header : head->headers) {
      if (header.name == name) return header.value;
    }
    return {};
  }
  FakeStrand& fake_strand() { return *fake_; }

  std::optional<http::ResponseHead> head;
  std::string body;
  http::Trailers trailers;
  int finishes = 0;
  int pauses = 0;
  std::size_t waiting = 0;  // what unsent() says
  std::size_t expected = 0;
  bool whole = false;
  std::shared_ptr<void> slot;

 private:
  std::shared_ptr<FakeStrand> fake_ = std::make_shared<FakeStrand>();
  std::shared_ptr<http::Strand> strand_ = fake_;
};

}  // namespace tfe::testing
