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
#include <deque>
#include <memory>
#include <optional>
#include <unordered_set>

#include "base/bytes.h"
#include "base/status.h"
#include "grpc/call.h"
#include "kserve/inference.h"
#include "kserve_grpc/infer_message.h"
#include "kserve_grpc/stream_request.h"

namespace tfe::kserve_grpc {

struct StreamLimits {
  // Bytes of responses of one stream that may wait for its client. A thousand times what text
  // needs, and room for large tensors, each of which may exceed it alone.
  std::size_t max_backlog = std::size_t{64} << 20;
  // Requests of one stream in work at once; the next is read when one of them ends. More than any
  // model batches, and than the sequences that one client runs.
  std::size_t max_inflight_requests = 1'024;
};

struct StreamOptions {
  StreamLimits limits;
  // An error ends the stream with its status instead of being a message ("triton_grpc_error").
  bool errors_end_stream = false;
};

class StreamCall final : public grpc::CallHandler, public std::enable_shared_from_this<StreamCall> {
 public:
  // `inference` and `limits` outlive every strand that calls run on.
  StreamCall(std::shared_ptr<grpc::Call> call, kserve::Inference& inference,
             const MessageLimits& limits, const StreamOptions& options)
      : call_(std::move(call)), inference_(inference), limits_(limits), options_(options) {}

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

  base::Status submit(const std::shared_ptr<StreamRequest>& request, const InferMessage& wire,
                      base::Owner owner);
  void refuse(const std::shared_ptr<StreamRequest>& request, base::Error error);
  Reply encode(const StreamRequest& request, kserve::InferEvent event) const;
  void overflow();
  void take(const std::shared_ptr<StreamRequest>& request, Reply reply);
  void answer_in_order(StreamRequest& request, base::Chain message);
  void send(base::Chain message);
  void settle();
  void regulate();
  void end(grpc::Status status);
  void let_go();

  const std::shared_ptr<grpc::Call> call_;
  kserve::Inference& inference_;
  const MessageLimits& limits_;
  const StreamOptions options_;

  // Read by threads of the core: bytes on their way to the strand and of those that the connection
  // has not sent, and whether there is anybody to answer.
  std::atomic<std::size_t> queued_ = 0;
  std::atomic<std::size_t> unsent_ = 0;
  std::atomic<bool> over_ = false;

  // On the strand only.
  std::unordered_set<std::shared_ptr<StreamRequest>> in_work_;
  std::deque<std::shared_ptr<StreamRequest>> ordered_;  // not yet answered, oldest first
  std::size_t held_ = 0;                                // bytes of answers that wait in ordered_
  bool half_closed_ = false;
  bool draining_ = false;
  bool paused_ = false;
};

}  // namespace tfe::kserve_grpc
