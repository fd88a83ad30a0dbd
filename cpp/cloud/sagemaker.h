// The endpoints of a SageMaker container: /ping, /invocations, and those of multi-model mode. See
// https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html and Triton's SageMaker
// endpoint.
//
// Thread rule: on_request on any connection's strand, concurrently. Lifetime rule: requests in
// flight keep what they need, so the handler and the executor may go first.
#pragma once

#include <memory>

#include "cloud/model_host.h"
#include "cloud/sagemaker_options.h"
#include "cloud/sagemaker_route.h"
#include "http/exchange.h"
#include "kserve_http/options.h"

namespace tfe::cloud {

class SageMaker final : public http::Handler {
 public:
  SageMaker(kserve_http::Context context, SageMakerOptions options);

  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override;

 private:
  using Sink = std::shared_ptr<http::RequestSink>;

  Sink dispatch(const SageMakerRoute& route, const http::RequestHead& head,
                http::Exchange& exchange);
  Sink invocations(const http::RequestHead& head, http::Exchange& exchange);
  Sink list(http::Exchange& exchange);
  Sink describe(const std::string& model, http::Exchange& exchange);
  Sink load(const http::RequestHead& head, http::Exchange& exchange);
  Sink invoke(const std::string& model, const http::RequestHead& head, http::Exchange& exchange);
  Sink unload(const std::string& model, http::Exchange& exchange);

  std::shared_ptr<kserve_http::Context> context_;
  SageMakerOptions options_;
  std::shared_ptr<ModelHost> host_;
};

}  // namespace tfe::cloud
