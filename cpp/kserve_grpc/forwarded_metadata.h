// The metadata of a call that becomes parameters of its inference requests (see
// kserve/header_forwarding.h). What carries a secret of the access policy is left out, and so is
// the standard "priority" header (RFC 9218), which proxies add and which says nothing about models.
#pragma once

#include <vector>

#include "base/status.h"
#include "grpc/metadata.h"
#include "kserve/request.h"
#include "kserve_grpc/options.h"

namespace tfe::kserve_grpc {

class ForwardedMetadata {
 public:
  // Copies what is needed: the metadata need not outlive this call.
  ForwardedMetadata(const Context& context, const grpc::Metadata& metadata);

  // Behind the request's own parameters. kInvalidArgument for a reserved name and for a value that
  // the core cannot hold, kInternal for one that is not base64.
  base::Status add_to(kserve::InferRequest& request) const;

 private:
  void collect(const Context& context, const grpc::Metadata& metadata);

  base::Status status_;
  std::vector<triton::Parameter> parameters_;
};

}  // namespace tfe::kserve_grpc
