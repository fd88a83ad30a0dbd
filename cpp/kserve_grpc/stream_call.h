// ModelStreamInfer: many requests and their responses on one call.
//
//   requests --> in work --> responses, each as it comes        (decoupled models)
//                   +------> the order of the requests          (all others, and refusals)
//
// Back-pressure: responses are encoded on the thread of the core that delivers them and queued for
// the client; that thread never waits, since in backends for language models it delivers the
// responses of all requests. Two things keep a stream's memory within bounds. While
// StreamLimits::max_inflight_requests are in work, or half of max_backlog waits for the client, no
// further request is read. Of decoupled models, which produce without being asked, a stream of
// which more than max_backlog waits is ended with RESOURCE_EXHAUSTED and its requests are
// cancelled. No response is ever left out of the middle.
//
// On the connection's strand, but for what threads of the core call. Lives until the core has let
// go of its last request, also when the client is gone by then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>

#include "base/bytes.h"
#include "base/status.h"
#include "grpc/call.h"
#include "kserve/inference.h"
#include "kserve_grpc/forwarded_metadata.h"
#include "kserve_grpc/infer_message.h"
#include "kserve_grpc/options.h"
#include "kserve_grpc/stream_request.h"
#include "kserve_grpc/trace_hooks.h"

namespace tfe::kserve_grpc {

class StreamCall final : public grpc::CallHandler, public std::enable_shared_from_this<StreamCall> {
 public:
  // With `errors_end` an error ends the stream with its status instead of being a message
  // ("triton_grpc_error").
  StreamCall(ContextPtr context, std::shared_ptr<grpc::Call> call, const grpc::Metadata& metadata,
             bool errors_end)
      : context_(std::move(context)),
        call_(std::move(call)),
        errors_end_(errors_end),
        forwarded_(*context_, metadata),
        trace_start_(*context_, metadata) {}

  void on_message(grpc::Message message) override;
  void on_half_close() override;
  void on_cancel() override { let_go(); }
  void on_writable() override;
  void on_drain() override;

  // --- Called by StreamRequest, on threads of the core.
  void on_event(const std::shared_ptr<StreamRequest>& request, kserve::InferEvent event);

 private:
  // An encoded event on its way to the strand.
  struct Reply {
    base::Chain message;  // empty: nothing to say
    std::optional<grpc::Status> failure;
    bool last = false;
  };

  // What a message has become before the core gets it.
  struct Draft {
    std::shared_ptr<StreamRequest> request;
    InferMessage wire;  // views into what `owner` keeps
    std::int64_t version = -1;
    base::Owner owner;
  };

  // What is wrong before the data of the inputs is looked at.
  base::Status check(Draft& draft, std::size_t size);
  // On any one thread.
  base::Result<kserve::InferRequest> build(const Draft& draft) const;
  void build_on_worker(Draft draft);
  void go_on(const Draft& draft, base::Result<kserve::InferRequest> built);
  base::Status submit(const std::shared_ptr<StreamRequest>& request, kserve::InferRequest&& built);
  void refuse(const std::shared_ptr<StreamRequest>& request, base::Error error);
  Reply encode(const StreamRequest& request, kserve::InferEvent event) const;
  void overflow();
  void take(const std::shared_ptr<StreamRequest>& request, Reply reply);
  void answer_in_order(StreamRequest& request, base::Chain message);
  void send(const StreamRequest& request, base::Chain message);
  void settle();
  void await_silence();
  void on_silence_due();
  void regulate();
  void end(grpc::Status status);
  void let_go();

  const ContextPtr context_;
  const std::shared_ptr<grpc::Call> call_;
  const bool errors_end_;
  const ForwardedMetadata forwarded_;

  // Read by threads of the core: bytes on their way to the strand and of those that the connection
  // has not sent, and whether there is anybody to answer.
  std::atomic<std::size_t> queued_ = 0;
  std::atomic<std::size_t> unsent_ = 0;
  std::atomic<bool> over_ = false;

  // On the strand only.
  TraceStart trace_start_;
  std::unordered_set<std::shared_ptr<StreamRequest>> in_work_;
  std::deque<std::shared_ptr<StreamRequest>> ordered_;  // not yet answered, oldest first
  std::size_t held_ = 0;                                // bytes of answers that wait in ordered_
  bool half_closed_ = false;
  bool draining_ = false;
  int graces_ = 0;         // of the drain, begun
  bool heard_ = false;     // a request, since the last of them began
  bool building_ = false;  // a worker has a request; later ones wait for it
  bool paused_ = false;
};

}  // namespace tfe::kserve_grpc
