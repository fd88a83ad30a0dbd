// One request of a stream, from its message to its last response. The core holds it as the
// receiver, and its stream while there is one to answer.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "kserve/admission.h"
#include "kserve/inference.h"
#include "kserve_grpc/infer_message.h"
#include "kserve_grpc/stream_response.h"
#include "kserve_grpc/trace_hooks.h"

namespace tfe::kserve_grpc {

class StreamCall;

class StreamRequest final : public kserve::InferReceiver,
                            public std::enable_shared_from_this<StreamRequest> {
 public:
  StreamRequest(std::shared_ptr<StreamCall> stream, const InferMessage& wire);

  // On threads of the core.
  void on_event(kserve::InferEvent event) override;

  const StreamIdentity& identity() const { return identity_; }
  // Whether the end of a decoupled model's responses is told by a message of its own, if it comes
  // by itself ("triton_enable_empty_final_response").
  bool wants_empty_final() const { return wants_empty_final_; }

  // Known once the model is; until then the request is answered in order.
  bool decoupled = false;
  // Set before the core has the request.
  Trace trace;
  // --- On the strand only.
  kserve::Admission::Ticket ticket;
  kserve::InferCall running;
  std::optional<base::Chain> answer;  // complete, but earlier requests are answered first

 private:
  const std::shared_ptr<StreamCall> stream_;
  const StreamIdentity identity_;
  const bool wants_empty_final_;
};

}  // namespace tfe::kserve_grpc
