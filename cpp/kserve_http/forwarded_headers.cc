#include "kserve_http/forwarded_headers.h"

#include <iterator>
#include <utility>

namespace tfe::kserve_http {

ForwardedHeaders::ForwardedHeaders(const Context& context, const http::RequestHead& head) {
  if (!context.forwarding.enabled()) return;
  kserve::InferRequest matched;
  for (const http::HeaderView& header : head.headers) {
    if (context.access.is_key(header.name)) continue;
    status_ = context.forwarding.forward(header.name, header.value, matched);
    if (!status_) return;
  }
  parameters_ = std::move(matched.parameters);
}

base::Status ForwardedHeaders::add_to(kserve::InferRequest& request) {
  request.parameters.insert(request.parameters.end(), std::make_move_iterator(parameters_.begin()),
                            std::make_move_iterator(parameters_.end()));
  return status_;
}

}  // namespace tfe::kserve_http
