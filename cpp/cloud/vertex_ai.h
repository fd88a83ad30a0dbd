// The endpoints of a Vertex AI container: a health route, a predict route, and the endpoints of
// KServe that a redirect header on the predict route names. See
// https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements and Triton's
// Vertex AI endpoint.
//
// Thread rule: on_request on any connection's strand, concurrently. Lifetime rule: requests in
// flight keep what they need, so the handler and the executor may go first.
#pragma once

#include <memory>
#include <string_view>

#include "cloud/vertex_options.h"
#include "http/exchange.h"
#include "kserve_http/service.h"

namespace tfe::cloud {

class VertexAi final : public http::Handler {
 public:
  // `options.default_model` must name a model; see find_default_model.
  VertexAi(kserve_http::Context context, VertexOptions options);

  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override;

 private:
  using Sink = std::shared_ptr<http::RequestSink>;

  Sink health(const http::RequestHead& head, http::Exchange& exchange);
  Sink predict(const http::RequestHead& head, http::Exchange& exchange);
  Sink redirect(std::string_view path, const http::RequestHead& head, http::Exchange& exchange);
  Sink metrics(const http::RequestHead& head, http::Exchange& exchange);
  Sink redirect_infer(std::string_view target, const http::RequestHead& head,
                      http::Exchange& exchange);

  std::shared_ptr<kserve_http::Context> context_;
  kserve_http::Service service_;
  VertexOptions options_;
};

}  // namespace tfe::cloud
