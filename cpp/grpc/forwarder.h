// Passes a unary call on to another server of the same service that has less to do, or can do what
// this one cannot.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "grpc/status.h"
#include "http/exchange.h"

namespace tfe::grpc {

// The metadata that marks a call as passed on: it is answered where it is.
inline constexpr std::string_view kForwardedKey = "tritonfrontend-forwarded";

// What the other server answered.
struct ForwardedReply {
  Status status;
  base::Chain message;  // of an OK
  // With UNAVAILABLE: no server has looked at the call, so it may be answered here.
  bool untouched = false;
};

// One call's way to another server.
class Route {
 public:
  using OnReply = std::function<void(ForwardedReply)>;

  // Ends what is not answered.
  virtual ~Route() = default;
  // Larger messages stay: copying them takes longer than waiting.
  virtual std::size_t max_message_size() const = 0;
  // Once. `headers` are the call's as they came; `on_reply` is called once, on any thread, perhaps
  // before this returns, and not after cancel().
  virtual void send(std::string_view path, std::span<const http::HeaderView> headers,
                    base::Chain message, OnReply on_reply) = 0;
  virtual void cancel() = 0;
};

class Forwarder {
 public:
  virtual ~Forwarder() = default;
  // Where the next call should go; null: it stays here. On any strand.
  virtual std::unique_ptr<Route> choose() = 0;
  // As choose() for a call that cannot be answered here: null if nobody else can either.
  virtual std::unique_ptr<Route> divert() = 0;
  // A call that another server has passed on came in.
  virtual void count_received() = 0;
};

}  // namespace tfe::grpc
