// A ModelInfer that another server of the port is to answer, since it would wait here, or since its
// model cannot answer here at all.
//
// Goes where the Route leads, unless its message shows that it has to stay: requests of a sequence
// belong to the worker that has its state, those that name shared memory to the region registered
// here, and what cannot be parsed is refused here. Restrictions and caps are applied before; the
// other server applies its own as well. A request that no other server has looked at in the end is
// answered here.
//
// On the connection's strand.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grpc/call.h"
#include "grpc/forwarder.h"
#include "grpc/metadata.h"
#include "kserve/admission.h"
#include "kserve_grpc/infer_call.h"
#include "kserve_grpc/options.h"

namespace tfe::kserve_grpc {

class ForwardedCall final : public grpc::UnaryHandler,
                            public std::enable_shared_from_this<ForwardedCall> {
 public:
  // Without `route`, the name in the message decides: the call goes if its model has a fault here.
  ForwardedCall(ContextPtr context, std::shared_ptr<grpc::Call> call,
                const grpc::Metadata& metadata, std::unique_ptr<grpc::Route> route);

  void on_cancel() override;

 private:
  void on_request(grpc::Message message) override;
  bool may_leave(base::Bytes message);
  bool fits(base::Bytes message) const { return message.size() <= route_->max_message_size(); }
  void go(grpc::Message message);
  void stay(grpc::Message message);
  void take(grpc::ForwardedReply reply);
  std::vector<http::HeaderView> headers() const;

  const ContextPtr context_;
  // Copies: the client's are gone when its message is here.
  std::vector<std::pair<std::string, std::string>> headers_;
  std::unique_ptr<grpc::Route> route_;  // null once it leads nowhere
  kserve::Admission::Ticket ticket_;
  grpc::Message message_;  // kept until there is an answer
  std::shared_ptr<UnaryInferCall> here_;
};

// Answers a ModelInfer here or elsewhere. Null if the call was refused and is finished.
std::shared_ptr<grpc::CallHandler> start_infer(const ContextPtr& context,
                                               const std::shared_ptr<grpc::Call>& call,
                                               const grpc::Metadata& metadata);

}  // namespace tfe::kserve_grpc
