// Gives each request to the method its path names; what is wrong before a method is reached is
// answered here ("gRPC over HTTP/2", Requests). Filled once at start-up, then shared by all loops.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "grpc/call.h"
#include "grpc/metadata.h"
#include "grpc/router_options.h"
#include "http/exchange.h"

namespace tfe::grpc {

class Router final : public http::Handler {
 public:
  // Makes the handler of one call. May finish the call at once and return null. The metadata is
  // valid during this call only.
  using Factory = std::function<std::shared_ptr<CallHandler>(const std::shared_ptr<Call>& call,
                                                             const Metadata& metadata)>;

  // Judges a call by its head before its method sees it: the status that ends it, or nothing. The
  // metadata is valid during this call only.
  using Guard =
      std::function<std::optional<Status>(std::string_view path, const Metadata& metadata)>;

  explicit Router(RouterOptions options = {});

  // `path` is "/package.Service/Method". `aligner` as in framing.h. `compress`: responses follow
  // RouterOptions::compression, otherwise they are sent as they are.
  void add(std::string path, Factory factory, Aligner aligner = nullptr, bool compress = false);
  // For the calls of all methods that there are.
  void protect(Guard guard) { guard_ = std::move(guard); }

  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override;
  http::ResponseHead on_headers_too_large(std::size_t size, std::size_t limit) override;

  // Calls that exist, see RouterOptions::max_calls.
  std::size_t calls() const { return calls_->load(std::memory_order_relaxed); }

 private:
  struct Method {
    Factory factory;
    Aligner aligner = nullptr;
    bool compress = false;
  };
  struct PathHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view path) const {
      return std::hash<std::string_view>{}(path);
    }
  };

  CallOptions call_options(const Method& method, const Metadata& metadata,
                           http::Exchange& exchange) const;
  std::shared_ptr<MemoryBudget> budget_of(http::Exchange& exchange) const;
  void open(const Method& method, const Metadata& metadata, const std::shared_ptr<Call>& call);

  RouterOptions options_;
  Guard guard_;
  std::shared_ptr<MemoryBudget> budget_;
  std::shared_ptr<std::atomic<std::size_t>> calls_;
  std::unordered_map<std::string, Method, PathHash, std::equal_to<>> methods_;
};

}  // namespace tfe::grpc
