// ModelInfer: one request, one response.
//
// The call is worked on by the connection's strand until the request is with the core, and by a
// thread of the core from its answer to the encoded message, which goes back to the strand. It
// lives until the core has let go of it, also when the client is gone by then.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "grpc/call.h"
#include "kserve/inference.h"
#include "kserve_grpc/infer_message.h"

namespace tfe::kserve_grpc {

class UnaryInferCall final : public grpc::UnaryHandler,
                             public kserve::InferReceiver,
                             public std::enable_shared_from_this<UnaryInferCall> {
 public:
  // `inference` and `limits` outlive every strand that calls run on.
  UnaryInferCall(std::shared_ptr<grpc::Call> call, kserve::Inference& inference,
                 const MessageLimits& limits)
      : UnaryHandler(std::move(call)), inference_(inference), limits_(limits) {}

  // On a thread of the core.
  void on_event(kserve::InferEvent event) override;
  void on_cancel() override;

 private:
  void on_request(grpc::Message message) override;
  base::Status submit(const grpc::Message& message);

  kserve::Inference& inference_;
  const MessageLimits& limits_;
  kserve::InferCall running_;
};

}  // namespace tfe::kserve_grpc
