#include "kserve_http/service.h"

#include <string>
#include <utility>

#include "kserve/model_control.h"
#include "kserve/version.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/health.h"
#include "kserve_http/infer_call.h"
#include "kserve_http/reply.h"
#include "kserve_http/repository.h"

namespace tfe::kserve_http {
namespace {

using http::Endpoint;

bool is_post(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kInfer:
    case Endpoint::kRepositoryIndex:
    case Endpoint::kRepositoryLoad:
    case Endpoint::kRepositoryUnload:
      return true;
    default:
      return false;
  }
}

// HEAD is GET without the content, which the protocol leaves out.
bool is_allowed(Endpoint endpoint, std::string_view method) {
  if (is_post(endpoint)) return method == "POST";
  return method == "GET" || method == "HEAD";
}

}  // namespace

std::shared_ptr<http::RequestSink> Service::on_request(const http::RequestHead& head,
                                                       http::Exchange& exchange) {
  const http::Route route = http::route(head.target);
  if (route.endpoint == Endpoint::kUnknown) return answer(exchange, not_found());
  if (!is_allowed(route.endpoint, head.method)) {
    return answer(exchange, method_not_allowed(is_post(route.endpoint) ? "POST" : "GET, HEAD"));
  }
  const auto version = kserve::parse_version(route.version);
  if (!version) return answer(exchange, error_reply(version.error()));
  return dispatch(route, *version, head, exchange);
}

std::shared_ptr<http::RequestSink> Service::dispatch(const http::Route& route, std::int64_t version,
                                                     const http::RequestHead& head,
                                                     http::Exchange& exchange) {
  switch (route.endpoint) {
    case Endpoint::kInfer:
      return InferCall::start(context_, route.model.str(), version, head, exchange);
    case Endpoint::kServerLive:
      return answer(exchange, server_live(*context_));
    case Endpoint::kServerReady:
      return answer(exchange, server_ready(*context_));
    case Endpoint::kModelReady:
      return answer(exchange, model_ready(*context_, route.model.str(), version));
    case Endpoint::kServerMetadata:
    case Endpoint::kModelMetadata:
    case Endpoint::kModelConfig:
    case Endpoint::kModelStatistics:
      return model_text(route, version, head, exchange);
    case Endpoint::kRepositoryIndex:
    case Endpoint::kRepositoryLoad:
    case Endpoint::kRepositoryUnload:
      return repository(route, head, exchange);
    case Endpoint::kUnknown:
      break;
  }
  return answer(exchange, not_found());
}

// Texts that the core writes and that are passed on as they are.
std::shared_ptr<http::RequestSink> Service::model_text(const http::Route& route,
                                                       std::int64_t version,
                                                       const http::RequestHead& head,
                                                       http::Exchange& exchange) {
  auto work = [context = context_, endpoint = route.endpoint, model = route.model.str(),
               version](base::Bytes) {
    const triton::Server& server = *context->server;
    switch (endpoint) {
      case Endpoint::kModelMetadata:
        return json_reply(server.model_metadata(model, version));
      case Endpoint::kModelConfig:
        return json_reply(server.model_config(model, version));
      case Endpoint::kModelStatistics:
        return json_reply(server.model_statistics(model, version));
      default:
        return json_reply(server.metadata());
    }
  };
  return BlockingCall::start(context_, head, exchange, BlockingCall::Body::kIgnored,
                             std::move(work));
}

std::shared_ptr<http::RequestSink> Service::repository(const http::Route& route,
                                                       const http::RequestHead& head,
                                                       http::Exchange& exchange) {
  // The index covers all repositories whichever is named.
  if (route.endpoint != Endpoint::kRepositoryIndex) {
    const auto status = kserve::check_repository_name(route.repository.view());
    if (!status) return answer(exchange, error_reply(status.error()));
  }
  auto work = [context = context_, endpoint = route.endpoint,
               model = route.model.str()](base::Bytes body) {
    switch (endpoint) {
      case Endpoint::kRepositoryLoad:
        return repository_load(*context, model, body);
      case Endpoint::kRepositoryUnload:
        return repository_unload(*context, model, body);
      default:
        return repository_index(*context, body);
    }
  };
  return BlockingCall::start(context_, head, exchange, BlockingCall::Body::kCollected,
                             std::move(work));
}

}  // namespace tfe::kserve_http
