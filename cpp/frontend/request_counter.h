// Counts the requests that reach a handler; one that is handed over counts at the other server,
// too. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "http/exchange.h"

namespace tfe::frontend {

class RequestCounter final : public http::Handler {
 public:
  explicit RequestCounter(std::shared_ptr<http::Handler> next) : next_(std::move(next)) {}

  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override {
    count_.fetch_add(1, std::memory_order_relaxed);
    return next_->on_request(head, exchange);
  }
  http::ResponseHead on_headers_too_large(std::size_t size, std::size_t limit) override {
    count_.fetch_add(1, std::memory_order_relaxed);
    return next_->on_headers_too_large(size, limit);
  }
  void on_refused(const http::RefusedRequest& request) override { next_->on_refused(request); }

  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  const std::shared_ptr<http::Handler> next_;
  std::atomic<std::uint64_t> count_ = 0;
};

}  // namespace tfe::frontend
