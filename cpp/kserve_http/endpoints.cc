#include "kserve_http/endpoints.h"

#include <array>
#include <string>
#include <utility>

#include "kserve/model_control.h"
#include "kserve_http/blocking_call.h"
#include "kserve_http/control.h"
#include "kserve_http/generate_call.h"
#include "kserve_http/generate_stream.h"
#include "kserve_http/health.h"
#include "kserve_http/infer_call.h"
#include "kserve_http/log_settings.h"
#include "kserve_http/reply.h"
#include "kserve_http/repository.h"
#include "kserve_http/shared_memory.h"
#include "kserve_http/trace_settings.h"

namespace tfe::kserve_http {
namespace {

using http::Endpoint;
using kserve::Api;
using Sink = std::shared_ptr<http::RequestSink>;

Sink start_server_live(const EndpointCall& call) {
  return answer(call.exchange, server_live(*call.context));
}

Sink start_server_ready(const EndpointCall& call) {
  return answer(call.exchange, server_ready(*call.context));
}

Sink start_model_ready(const EndpointCall& call) {
  return answer(call.exchange, model_ready(*call.context, call.model(), call.version));
}

InferenceStart inference_of(const EndpointCall& call) {
  return {call.context, call.model(), call.version, call.head, call.exchange};
}

Sink start_infer(const EndpointCall& call) { return InferCall::start(inference_of(call)); }

Sink start_generate_call(const EndpointCall& call) {
  return GenerateCall::start(inference_of(call));
}

Sink start_generate_stream(const EndpointCall& call) {
  return GenerateStream::start(inference_of(call));
}

// Texts that the core writes and that are passed on as they are.
template <typename Query>
Sink start_query(const EndpointCall& call, Query query) {
  auto work = [context = call.context, query, model = call.model(), version = call.version](
                  base::Bytes) { return json_reply(query(*context->server, model, version)); };
  return BlockingCall::start(call.context, call.head, call.exchange, BlockingCall::Body::kIgnored,
                             std::move(work), BlockingCall::Lane::kQuick);
}

Sink start_server_metadata(const EndpointCall& call) {
  return start_query(call, [](const triton::Server& server, const std::string&, std::int64_t) {
    return server.metadata();
  });
}

Sink start_model_metadata(const EndpointCall& call) {
  return start_query(
      call, [](const triton::Server& server, const std::string& model, std::int64_t version) {
        return server.model_metadata(model, version);
      });
}

Sink start_model_config(const EndpointCall& call) {
  return start_query(
      call, [](const triton::Server& server, const std::string& model, std::int64_t version) {
        return server.model_config(model, version);
      });
}

Sink start_model_statistics(const EndpointCall& call) {
  auto work = [context = call.context, model = call.model(), version = call.version](
                  base::Bytes, BlockingCall::Answer answer) {
    ask_group(context, kserve::StatisticsQuery{model, version}, std::move(answer));
  };
  return BlockingCall::start_later(call.context, call.head, call.exchange,
                                   BlockingCall::Body::kIgnored, std::move(work),
                                   BlockingCall::Lane::kQuick);
}

template <typename Change>
Sink start_collected(const EndpointCall& call, Change change, BlockingCall::Lane lane) {
  auto work = [context = call.context, change, model = call.model()](base::Bytes body) {
    return change(*context, model, body);
  };
  return BlockingCall::start(call.context, call.head, call.exchange, BlockingCall::Body::kCollected,
                             std::move(work), lane);
}

// The index covers all repositories whichever is named.
Sink start_repository_index(const EndpointCall& call) {
  auto work = [context = call.context](base::Bytes body, BlockingCall::Answer answer) {
    repository_index(context, body, std::move(answer));
  };
  return BlockingCall::start_later(call.context, call.head, call.exchange,
                                   BlockingCall::Body::kCollected, std::move(work),
                                   BlockingCall::Lane::kQuick);
}

template <typename Change>
Sink start_model_control(const EndpointCall& call, Change change) {
  const auto status = kserve::check_repository_name(call.route.repository.view());
  if (!status) return answer(call.exchange, error_reply(status.error()));
  auto work = [context = call.context, change, model = call.model()](base::Bytes body,
                                                                     BlockingCall::Answer answer) {
    change(context, model, body, std::move(answer));
  };
  return BlockingCall::start_later(call.context, call.head, call.exchange,
                                   BlockingCall::Body::kCollected, std::move(work),
                                   BlockingCall::Lane::kSlow);
}

Sink start_repository_load(const EndpointCall& call) {
  return start_model_control(call, repository_load);
}

Sink start_repository_unload(const EndpointCall& call) {
  return start_model_control(call, repository_unload);
}

// What is not here is answered 404. One row per endpoint, in any order.
constexpr auto kRules = std::to_array<EndpointRule>({
    {Endpoint::kServerLive, Methods::kGet, Api::kHealth, start_server_live},
    {Endpoint::kServerReady, Methods::kGet, Api::kHealth, start_server_ready},
    {Endpoint::kServerMetadata, Methods::kGet, Api::kMetadata, start_server_metadata},
    {Endpoint::kModelReady, Methods::kGet, Api::kHealth, start_model_ready},
    {Endpoint::kModelMetadata, Methods::kGet, Api::kMetadata, start_model_metadata},
    {Endpoint::kModelConfig, Methods::kGet, Api::kModelConfig, start_model_config},
    {Endpoint::kModelStatistics, Methods::kGet, Api::kStatistics, start_model_statistics},
    {Endpoint::kInfer, Methods::kPost, Api::kInference, start_infer},
    {Endpoint::kGenerate, Methods::kPost, Api::kInference, start_generate_call},
    {Endpoint::kGenerateStream, Methods::kPost, Api::kInference, start_generate_stream},
    {Endpoint::kTraceSetting, Methods::kGetAndPost, Api::kTrace, start_trace_setting},
    {Endpoint::kLogging, Methods::kGetAndPost, Api::kLogging, start_logging},
    {Endpoint::kRepositoryIndex, Methods::kPost, Api::kModelRepository, start_repository_index},
    {Endpoint::kRepositoryLoad, Methods::kPost, Api::kModelRepository, start_repository_load},
    {Endpoint::kRepositoryUnload, Methods::kPost, Api::kModelRepository, start_repository_unload},
    {Endpoint::kSystemMemoryStatus, Methods::kGet, Api::kSharedMemory, start_system_memory_status},
    {Endpoint::kSystemMemoryRegister, Methods::kPost, Api::kSharedMemory,
     start_system_memory_register},
    {Endpoint::kSystemMemoryUnregister, Methods::kPost, Api::kSharedMemory,
     start_system_memory_unregister},
    {Endpoint::kCudaMemoryStatus, Methods::kGet, Api::kSharedMemory, start_cuda_memory_status},
    {Endpoint::kCudaMemoryRegister, Methods::kPost, Api::kSharedMemory, start_cuda_memory_register},
    {Endpoint::kCudaMemoryUnregister, Methods::kPost, Api::kSharedMemory,
     start_cuda_memory_unregister},
});

// Rules by endpoint, so that a request does not search.
constexpr auto kIndex = [] {
  std::array<const EndpointRule*, http::kEndpointCount> index{};
  for (const EndpointRule& rule : kRules) index[static_cast<std::size_t>(rule.endpoint)] = &rule;
  return index;
}();

}  // namespace

bool is_allowed(Methods methods, std::string_view method) {
  if (method == "POST") return methods != Methods::kGet;
  return methods != Methods::kPost && (method == "GET" || method == "HEAD");
}

std::string_view allow_header(Methods methods) {
  switch (methods) {
    case Methods::kGet:
      return "GET, HEAD";
    case Methods::kPost:
      return "POST";
    case Methods::kGetAndPost:
      return "GET, HEAD, POST";
  }
  return "";
}

const EndpointRule* find_rule(Endpoint endpoint) {
  return kIndex[static_cast<std::size_t>(endpoint)];
}

}  // namespace tfe::kserve_http
