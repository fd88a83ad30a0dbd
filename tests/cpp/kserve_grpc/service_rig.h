// The service on a real core, called through the router as a protocol would.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/proto_reader.h"
#include "grpc/framing.h"
#include "kserve_grpc/service.h"
#include "kserve_grpc/waiting_exchange.h"
#include "kserve_grpc/wire.h"
#include "triton/core_fixture.h"

namespace tfe::kserve_grpc {

struct Answer {
  int status;
  std::string message;  // of errors
  std::string body;     // the response message
};

using Headers = std::vector<http::HeaderView>;

class ServiceRig {
 public:
  // `adapt(Context&)` before the service is made of it.
  template <typename Adapt>
  ServiceRig(const std::shared_ptr<triton::Server>& server, Adapt adapt)
      : context(std::make_shared<Context>(
            Context{.server = server,
                    .inference = kserve::Inference(server, true),
                    .executor = executor,
                    .options = {.limits = {}, .allow_client_shm = true}})) {
    adapt(*context);
    add_service(router, context);
  }
  explicit ServiceRig(const std::shared_ptr<triton::Server>& server)
      : ServiceRig(server, [](Context&) {}) {}

  kserve::SharedMemory& memory() { return context->inference.extensions().shared_memory; }

  // The head only.
  std::shared_ptr<http::RequestSink> start(std::string_view method,
                                           testing::WaitingExchange& exchange,
                                           const Headers& headers = {}) {
    const std::string path =
        method.starts_with('/') ? std::string(method) : std::string(kService) + std::string(method);
    http::RequestHead head;
    head.method = "POST";
    head.target = path;
    head.headers = headers;
    return router.on_request(head, exchange);
  }

  std::shared_ptr<http::RequestSink> open(std::string_view method, const std::string& request,
                                          testing::WaitingExchange& exchange,
                                          const Headers& headers = {}) {
    auto sink = start(method, exchange, headers);
    const std::string framed = grpc::frame_message(base::Chain::of(request)).to_string();
    if (!exchange.done) sink->on_body(base::as_bytes(framed));
    if (!exchange.done) sink->on_end();
    return sink;
  }

  Answer call(std::string_view method, const std::string& request = {},
              const Headers& headers = {}) {
    testing::WaitingExchange exchange;
    const auto sink = open(method, request, exchange, headers);
    while (!exchange.done) exchange.waiting->run_one();
    return {exchange.status, exchange.message,
            exchange.body.empty() ? "" : exchange.body.substr(grpc::kPrefixSize)};
  }

  kserve::Executor executor{2, 100};
  ContextPtr context;
  grpc::Router router;
};

// The values of a repeated string or message field.
inline std::vector<std::string> values(const std::string& message, std::uint32_t number) {
  std::vector<std::string> found;
  codec::ProtoReader reader(base::as_bytes(message));
  while (reader.next()) {
    if (reader.key() == codec::field_key(number, codec::Wire::kBytes)) {
      found.emplace_back(base::as_text(reader.bytes()));
    }
  }
  return found;
}

// An FP32 request for the models of these tests; `more` are further fields.
inline std::string float_request(std::string_view model, const std::string& more = {}) {
  return testing::bytes_field(1, model) + testing::bytes_field(3, "a") + more +
         testing::input_field("INPUT0", "FP32", {2}) +
         testing::raw_field(testing::float_text({1, 2}));
}

}  // namespace tfe::kserve_grpc
