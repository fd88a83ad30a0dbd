// ModelInfer: one request, one response.
//
//   head -> message -> [worker: much data that needs laying out] -> submitted -> event -> answered
//
// The call is worked on by the connection's strand until the request is with the core, and by a
// thread of the core from its answer to the encoded message, which goes back to the strand. It
// lives until the core has let go of it, also when the client is gone by then.
#pragma once

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "grpc/call.h"
#include "kserve/inference.h"
#include "kserve_grpc/forwarded_metadata.h"
#include "kserve_grpc/options.h"
#include "kserve_grpc/trace_hooks.h"

namespace tfe::kserve_grpc {

class UnaryInferCall final : public grpc::UnaryHandler,
                             public kserve::InferReceiver,
                             public std::enable_shared_from_this<UnaryInferCall> {
 public:
  // Null if the caps on inferences refuse the call, which is finished then.
  static std::shared_ptr<UnaryInferCall> start(const ContextPtr& context,
                                               const std::shared_ptr<grpc::Call>& call,
                                               const grpc::Metadata& metadata);

  UnaryInferCall(ContextPtr context, std::shared_ptr<grpc::Call> call,
                 const grpc::Metadata& metadata, kserve::Admission::Ticket ticket)
      : UnaryHandler(std::move(call)),
        context_(std::move(context)),
        forwarded_(*context_, metadata),
        trace_start_(*context_, metadata),
        ticket_(std::move(ticket)) {}

  // On a thread of the core.
  void on_event(kserve::InferEvent event) override;
  void on_cancel() override;

 private:
  void on_request(grpc::Message message) override;
  // What is wrong before the data of the inputs is looked at.
  base::Status check(const grpc::Message& message);
  // On any one thread.
  base::Result<kserve::InferRequest> build(base::Owner owner) const;
  void build_on_worker(base::Owner owner);
  // On the strand from here on.
  void go_on(base::Result<kserve::InferRequest> request);
  base::Status submit(kserve::InferRequest&& request);
  void fail(base::Error error);
  // The client's next request may be here before the core's thread drops the call, so the share of
  // the caps goes back with the answer.
  void give_back() { ticket_ = {}; }

  const ContextPtr context_;
  const ForwardedMetadata forwarded_;
  TraceStart trace_start_;
  kserve::Admission::Ticket ticket_;
  InferMessage wire_;  // views into the message
  std::int64_t version_ = -1;
  Trace trace_;  // written before the inference starts
  kserve::InferCall running_;
};

}  // namespace tfe::kserve_grpc
