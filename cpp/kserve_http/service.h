// The KServe v2 protocol with Triton's extensions as an http::Handler: finds the endpoint, checks
// that the client may use it, hands over to the endpoint's function (endpoints.h).
//
// Thread rule: on_request on any connection's strand, concurrently. Lifetime rule: requests in
// flight keep what they need, so the service and the executor may go first.
#pragma once

#include <memory>

#include "http/exchange.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

class Service final : public http::Handler {
 public:
  explicit Service(Context context) : context_(std::make_shared<Context>(std::move(context))) {}

  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override;

 private:
  std::shared_ptr<Context> context_;
};

}  // namespace tfe::kserve_http
