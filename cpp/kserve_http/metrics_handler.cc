#include "kserve_http/metrics_handler.h"

#include <utility>

#include "http/router.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

std::shared_ptr<http::RequestSink> MetricsHandler::on_request(const http::RequestHead& head,
                                                              http::Exchange& exchange) {
  const std::string_view path = http::path_of(head.target);
  if (path != "/metrics" && path != "/metrics/") return answer(exchange, not_found());
  if (head.method != "GET" && head.method != "HEAD") {
    return answer(exchange, method_not_allowed("GET, HEAD"));
  }
  const auto work = [context = context_](base::Bytes) {
    auto text = context->server->metrics();
    if (!text) return error_reply(text.error());
    return text_reply(*std::move(text), "text/plain; charset=utf-8");
  };
  return BlockingCall::start(context_, head, exchange, BlockingCall::Body::kIgnored, work,
                             BlockingCall::Lane::kQuick);
}

}  // namespace tfe::kserve_http
