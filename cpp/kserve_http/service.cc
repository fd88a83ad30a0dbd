#include "kserve_http/service.h"

#include <utility>

#include "http/headers.h"
#include "http/router.h"
#include "kserve/version.h"
#include "kserve_http/endpoints.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

// The order decides which error wins: an unknown path tells nothing about restrictions, and a
// restricted endpoint nothing about its methods.
std::shared_ptr<http::RequestSink> Service::on_request(const http::RequestHead& head,
                                                       http::Exchange& exchange) {
  const http::Route route = http::route(head.target);
  const EndpointRule* rule = find_rule(route.endpoint);
  if (rule == nullptr) return answer(exchange, not_found());
  if (context_->access.restricts(rule->api)) {
    const auto status = context_->access.check(
        rule->api, [&](std::string_view key) { return http::find_header(head.headers, key); });
    if (!status) return answer(exchange, error_reply(status.error()));
  }
  if (!is_allowed(rule->methods, head.method)) {
    return answer(exchange, method_not_allowed(allow_header(rule->methods)));
  }
  const auto version = kserve::parse_version(route.version);
  if (!version) return answer(exchange, error_reply(version.error()));
  return rule->start({context_, route, *version, head, exchange});
}

}  // namespace tfe::kserve_http
