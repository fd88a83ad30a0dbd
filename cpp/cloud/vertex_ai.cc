#include "cloud/vertex_ai.h"

#include <string>
#include <utility>

#include "cloud/access.h"
#include "cloud/vertex_redirect.h"
#include "http/headers.h"
#include "http/router.h"
#include "kserve/version.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/health.h"
#include "kserve_http/infer_call.h"
#include "kserve_http/infer_style.h"
#include "kserve_http/reply.h"

namespace tfe::cloud {
namespace {

using kserve::Api;
using kserve_http::answer;
using kserve_http::BlockingCall;
using kserve_http::InferStyle;
using kserve_http::Reply;

constexpr std::int64_t kAnyVersion = -1;  // up to the model's version policy

// Answers are framed as KServe's are: by Inference-Header-Content-Length.
constexpr InferStyle kVertexStyle = {
    .binary_mime = "application/vnd.vertex-ai-triton.binary+json;json-header-size=",
    .binary_mime_in_response = false,
    .content_coding = false,
    .forward_headers = false,
    .error = kserve_http::error_reply};

Reply refused(base::Code code, std::string_view path, std::string_view problem) {
  return kserve_http::error_reply(
      {code, "redirect target '" + std::string(path) + "' " + std::string(problem)});
}

}  // namespace

VertexAi::VertexAi(kserve_http::Context context, VertexOptions options)
    : context_(std::make_shared<kserve_http::Context>(std::move(context))),
      service_(*context_),
      options_(std::move(options)) {}

std::shared_ptr<http::RequestSink> VertexAi::on_request(const http::RequestHead& head,
                                                        http::Exchange& exchange) {
  const std::string_view path = http::path_of(head.target);
  if (path == options_.health_route) return health(head, exchange);
  if (path != options_.predict_route) return answer(exchange, kserve_http::not_found());
  const auto target = http::find_header(head.headers, kRedirectHeader);
  return target ? redirect(*target, head, exchange) : predict(head, exchange);
}

VertexAi::Sink VertexAi::health(const http::RequestHead& head, http::Exchange& exchange) {
  if (const auto status = check_access(*context_, Api::kHealth, head); !status) {
    return answer(exchange, kserve_http::error_reply(status.error()));
  }
  if (head.method != "GET" && head.method != "HEAD") {
    return answer(exchange, kserve_http::method_not_allowed("GET, HEAD"));
  }
  return answer(exchange, kserve_http::server_ready(*context_));
}

VertexAi::Sink VertexAi::predict(const http::RequestHead& head, http::Exchange& exchange) {
  if (const auto status = check_access(*context_, Api::kInference, head); !status) {
    return answer(exchange, kserve_http::error_reply(status.error()));
  }
  if (head.method != "POST") return answer(exchange, kserve_http::method_not_allowed("POST"));
  return kserve_http::InferCall::start(
      {context_, options_.default_model, kAnyVersion, head, exchange, kVertexStyle});
}

VertexAi::Sink VertexAi::redirect(std::string_view path, const http::RequestHead& head,
                                  http::Exchange& exchange) {
  if (head.method != "POST") return answer(exchange, kserve_http::method_not_allowed("POST"));
  const std::string target = "/" + std::string(path);
  http::RequestHead rewritten = head;
  rewritten.target = target;
  switch (classify_redirect(path)) {
    case Redirect::kGet:
      rewritten.method = "GET";
      return service_.on_request(rewritten, exchange);
    case Redirect::kPost:
      return service_.on_request(rewritten, exchange);
    case Redirect::kInfer:
      return redirect_infer(target, head, exchange);
    case Redirect::kMetrics:
      return metrics(head, exchange);
    case Redirect::kForbidden:
      return answer(exchange, refused(base::Code::kPermissionDenied, path,
                                      "is not allowed: it would change the server"));
    case Redirect::kUnknown:
      break;
  }
  return answer(exchange, refused(base::Code::kInvalidArgument, path,
                                  "is unknown, expected a path like v2/models/<model>/infer"));
}

// Not by the service, because binary requests are framed differently here.
VertexAi::Sink VertexAi::redirect_infer(std::string_view target, const http::RequestHead& head,
                                        http::Exchange& exchange) {
  const http::Route route = http::route(target);
  auto status = check_access(*context_, Api::kInference, head);
  if (!status) return answer(exchange, kserve_http::error_reply(status.error()));
  const auto version = kserve::parse_version(route.version);
  if (!version) return answer(exchange, kserve_http::error_reply(version.error()));
  return kserve_http::InferCall::start(
      {context_, route.model.str(), *version, head, exchange, kVertexStyle});
}

// Metrics tell what statistics tell, so whoever restricts these means both.
VertexAi::Sink VertexAi::metrics(const http::RequestHead& head, http::Exchange& exchange) {
  if (const auto status = check_access(*context_, Api::kStatistics, head); !status) {
    return answer(exchange, kserve_http::error_reply(status.error()));
  }
  auto work = [context = context_](base::Bytes) {
    auto text = context->server->metrics();
    if (!text) return kserve_http::error_reply(text.error());
    return kserve_http::text_reply(*std::move(text), kserve_http::kText);
  };
  return BlockingCall::start(context_, head, exchange, BlockingCall::Body::kIgnored,
                             std::move(work), BlockingCall::Lane::kQuick);
}

}  // namespace tfe::cloud
