// What belongs to one inference while the core has it: the userp of all its callbacks.
//
// Two ends, "released" and "final", come in either order with any gap between them (C API header:
// request release and response complete callbacks). Input memory goes at the release, the observer
// at the final response, and everything else - the core's request, the reference to the server -
// when both are done and nobody is inside cancel(), at one line: finish().
//
// Responses of one request may come on several threads at once. The observer nevertheless hears of
// the final one last: while others are being delivered it waits, and whoever leaves last delivers
// it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "triton/inference.h"
#include "triton/server.h"
#include "triton/trace.h"

namespace tfe::triton {

class RequestContext final : public Cancellation {
 public:
  RequestContext(std::shared_ptr<Server> server, TRITONSERVER_InferenceRequest* handle,
                 std::string model, std::shared_ptr<Observer> observer,
                 std::vector<base::Owner> kept)
      : server_(std::move(server)),
        handle_(handle),
        model_(std::move(model)),
        observer_(std::move(observer)),
        kept_(std::move(kept)) {}

  // Hands `context` to the core, which then owns a reference. On failure the caller still owns the
  // request's handle, and the trace (may be null) must be destroyed after it.
  static base::Status send(const std::shared_ptr<RequestContext>& context, Trace* trace);

  void cancel() override;

  Observer& observer() { return *observer_; }
  const Api& api() const;

 private:
  // The last error among the responses.
  enum class Outcome : std::uint8_t { kNoError, kCancelled, kFailed };

  static void on_release(TRITONSERVER_InferenceRequest* request, std::uint32_t flags, void* userp);
  static void on_response(TRITONSERVER_InferenceResponse* response, std::uint32_t flags,
                          void* userp);
  base::Status bind_callbacks();
  bool enter_delivery();
  // Delivers the final response if it has come and nobody else is inside.
  void leave_delivery();
  void note(const Response& response);
  void count_end();
  void drop_use();
  void finish();

  std::shared_ptr<Server> server_;
  TRITONSERVER_InferenceRequest* handle_;
  std::string model_;
  std::optional<ModelActivity::Call> activity_;  // from the send to the final response
  base::TimePoint sent_at_;
  std::atomic<Outcome> outcome_ = Outcome::kNoError;
  // One for the final response still to come, one for each response being delivered; 0 is final.
  std::atomic<std::uint32_t> deliveries_ = 1;
  std::optional<Response> last_;  // came with the final flag; written before deliveries_ falls
  std::shared_ptr<Observer> observer_;
  std::vector<base::Owner> kept_;
  // The core's reference, from the successful send to finish().
  std::shared_ptr<RequestContext> self_;
  // One for each end still to come, one for each cancel() under way; 0 is final.
  std::atomic<std::uint32_t> uses_ = 2;
};

// True on a thread that is inside a callback of the core, where waiting for the core would
// deadlock.
bool in_callback();

}  // namespace tfe::triton
