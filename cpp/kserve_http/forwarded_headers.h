// The headers of a request that become parameters of its inference. Matched when the head is there,
// because headers do not outlive it; added when the body has been decoded, so that the body's
// errors are told first and a header comes behind a parameter of the same name.
#pragma once

#include "base/status.h"
#include "http/exchange.h"
#include "kserve/request.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

class ForwardedHeaders {
 public:
  ForwardedHeaders() = default;
  // Headers with the secrets of restricted APIs are left out: they are not the models' business.
  ForwardedHeaders(const Context& context, const http::RequestHead& head);

  // The error of a header that may not be forwarded.
  base::Status add_to(kserve::InferRequest& request);

 private:
  std::vector<triton::Parameter> parameters_;
  base::Status status_;
};

}  // namespace tfe::kserve_http
