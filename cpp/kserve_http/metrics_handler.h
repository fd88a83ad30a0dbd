// The metrics port: GET /metrics in Prometheus' text format, and nothing else.
#pragma once

#include <memory>

#include "http/exchange.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

class MetricsHandler final : public http::Handler {
 public:
  explicit MetricsHandler(Context context)
      : context_(std::make_shared<const Context>(std::move(context))) {}

  std::shared_ptr<http::RequestSink> on_request(const http::RequestHead& head,
                                                http::Exchange& exchange) override;

 private:
  std::shared_ptr<const Context> context_;
};

}  // namespace tfe::kserve_http
