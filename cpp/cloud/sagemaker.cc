#include "cloud/sagemaker.h"

#include <utility>

#include "cloud/access.h"
#include "cloud/load_body.h"
#include "cloud/pending_reply.h"
#include "cloud/sagemaker_reply.h"
#include "codec/json_writer.h"
#include "http/headers.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/generate_call.h"
#include "kserve_http/generate_stream.h"
#include "kserve_http/health.h"
#include "kserve_http/infer_call.h"

namespace tfe::cloud {
namespace {

using kserve_http::answer;
using kserve_http::BlockingCall;
using kserve_http::Reply;

constexpr std::string_view kTargetModel = "x-amzn-sagemaker-target-model";
constexpr std::int64_t kAnyVersion = -1;  // up to the model's version policy

void append_model(std::string& json, const HostedModel& model) {
  json += "{\"modelName\":";
  codec::append_json_string(json, model.name);
  json += ",\"modelUrl\":";
  codec::append_json_string(json, model.shown);
  json += '}';
}

Reply loaded_reply(const base::Status& status) {
  if (!status) return load_error_reply(status.error());
  return kserve_http::empty_reply(200, kserve_http::kJson);
}

Reply unload_failed_reply(const std::string& model, const base::Error& error) {
  return error.code == base::Code::kNotFound ? not_loaded_reply(model) : load_error_reply(error);
}

kserve::Replication& replication_of(const kserve_http::Context& context) {
  return context.inference.extensions().replication;
}

}  // namespace

SageMaker::SageMaker(kserve_http::Context context, SageMakerOptions options)
    : context_(std::make_shared<kserve_http::Context>(std::move(context))),
      options_(std::move(options)),
      host_(std::make_shared<ModelHost>(context_->server, context_->executor, options_)) {
  context_->inference.extensions().hosting.set(host_);
}

std::shared_ptr<http::RequestSink> SageMaker::on_request(const http::RequestHead& head,
                                                         http::Exchange& exchange) {
  const SageMakerRoute route = sagemaker_route(head.target);
  if (route.path == SageMakerPath::kUnknown) return answer(exchange, kserve_http::not_found());
  if (const auto status = check_access(*context_, api_of(route.path), head); !status) {
    return answer(exchange, kserve_http::error_reply(status.error()));
  }
  if (!allows(route.path, head.method)) {
    return answer(exchange, kserve_http::method_not_allowed(allowed_methods(route.path)));
  }
  return dispatch(route, head, exchange);
}

SageMaker::Sink SageMaker::dispatch(const SageMakerRoute& route, const http::RequestHead& head,
                                    http::Exchange& exchange) {
  switch (route.path) {
    case SageMakerPath::kPing:
      return answer(exchange, options_.ping_mode == "live" ? kserve_http::server_live(*context_)
                                                           : kserve_http::server_ready(*context_));
    case SageMakerPath::kInvocations:
      return invocations(head, exchange);
    case SageMakerPath::kInvoke:
      return invoke(route.model.str(), head, exchange);
    case SageMakerPath::kModels:
    case SageMakerPath::kModel:
      break;
    case SageMakerPath::kUnknown:
      return answer(exchange, kserve_http::not_found());
  }
  if (head.method == "POST") return load(head, exchange);
  if (head.method == "DELETE") return unload(route.model.str(), exchange);
  if (route.path == SageMakerPath::kModels) return list(exchange);
  return describe(route.model.str(), exchange);
}

SageMaker::Sink SageMaker::invocations(const http::RequestHead& head, http::Exchange& exchange) {
  const std::string& type = options_.inference_type;
  const kserve_http::InferenceStart start{context_, options_.default_model, kAnyVersion, head,
                                          exchange, kInvocationStyle};
  if (type == "infer") return kserve_http::InferCall::start(start);
  if (type == "generate") return kserve_http::GenerateCall::start(start);
  if (type == "generate_stream") return kserve_http::GenerateStream::start(start);
  return answer(exchange, kserve_http::error_reply(
                              {base::Code::kInvalidArgument,
                               "Server has invalid inference type '" + type +
                                   "'. Must be one of: infer, generate, generate_stream."}));
}

SageMaker::Sink SageMaker::list(http::Exchange& exchange) {
  std::string json = "{\"models\":[";
  bool first = true;
  for (const HostedModel& model : host_->list()) {
    if (!std::exchange(first, false)) json += ',';
    append_model(json, model);
  }
  json += "]}";
  return answer(exchange, kserve_http::text_reply(std::move(json), kserve_http::kJson));
}

SageMaker::Sink SageMaker::describe(const std::string& model, http::Exchange& exchange) {
  const auto found = host_->find(model);
  if (!found) return answer(exchange, not_loaded_reply(model));
  std::string json;
  append_model(json, *found);
  return answer(exchange, kserve_http::text_reply(std::move(json), kserve_http::kJson));
}

SageMaker::Sink SageMaker::load(const http::RequestHead& head, http::Exchange& exchange) {
  std::string target(http::find_header(head.headers, kTargetModel).value_or(""));
  auto work = [context = context_, host = host_, target = std::move(target)](
                  base::Bytes body, BlockingCall::Answer answer) mutable {
    auto request = read_load_body(body);
    if (!request) return answer(model_error_reply(request.error()));
    if (target.empty()) target = request->name;
    kserve::HostModel model{std::move(request->name), std::move(request->url), std::move(target)};
    kserve::ControlCall call = model;
    kserve::ControlDone done = [answer = std::move(answer)](const base::Status& status) mutable {
      answer(loaded_reply(status));
    };
    if (!replication_of(*context).submit(call, done)) done(host->load(model));
  };
  return BlockingCall::start_later(context_, head, exchange, BlockingCall::Body::kCollected,
                                   std::move(work), BlockingCall::Lane::kSlow);
}

SageMaker::Sink SageMaker::invoke(const std::string& model, const http::RequestHead& head,
                                  http::Exchange& exchange) {
  const auto found = host_->find(model);
  if (!found) return answer(exchange, not_loaded_reply(model));
  const auto target = http::find_header(head.headers, kTargetModel).value_or(found->target);
  if (target != found->target) {
    return answer(exchange,
                  model_error_reply({base::Code::kInvalidArgument,
                                     "model '" + model + "' is loaded as '" + found->target +
                                         "', not as '" + std::string(target) + "'"}));
  }
  return kserve_http::InferCall::start(
      {context_, found->target, kAnyVersion, head, exchange, kInvokeStyle});
}

SageMaker::Sink SageMaker::unload(const std::string& model, http::Exchange& exchange) {
  return PendingReply::start(
      exchange, [context = context_, host = host_, model](PendingReply::Deliver deliver) {
        auto shared = std::make_shared<PendingReply::Deliver>(std::move(deliver));
        auto over = [shared](const base::Status& result) { (*shared)(loaded_reply(result)); };
        kserve::ControlCall call = kserve::UnhostModel{model};
        kserve::ControlDone begun = [host, model, shared, over](const base::Status& status) {
          if (status) return host->await_unload(model, over);
          (*shared)(unload_failed_reply(model, status.error()));
        };
        if (replication_of(*context).submit(call, begun)) return;
        if (const auto status = host->unload(model, over); !status) {
          (*shared)(unload_failed_reply(model, status.error()));
        }
      });
}

}  // namespace tfe::cloud
