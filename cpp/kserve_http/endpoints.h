// The endpoints of the KServe v2 protocol and Triton's extensions as a table: which methods each
// takes, which group of restricted APIs it belongs to, and what answers it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/exchange.h"
#include "http/router.h"
#include "kserve/access_policy.h"
#include "kserve_http/options.h"

namespace tfe::kserve_http {

// One request on its way to what answers it; valid during Handler::on_request only.
struct EndpointCall {
  const std::shared_ptr<Context>& context;
  const http::Route& route;
  std::int64_t version = -1;
  const http::RequestHead& head;
  http::Exchange& exchange;

  std::string model() const { return route.model.str(); }
};

// Answers, or returns the sink that will.
using StartFunction = std::shared_ptr<http::RequestSink> (*)(const EndpointCall&);

enum class Methods : std::uint8_t { kGet, kPost, kGetAndPost };

// HEAD is GET without the content, which the protocol leaves out.
bool is_allowed(Methods methods, std::string_view method);
// The value of the Allow header.
std::string_view allow_header(Methods methods);

struct EndpointRule {
  http::Endpoint endpoint = http::Endpoint::kUnknown;
  Methods methods = Methods::kGet;
  kserve::Api api = kserve::Api::kHealth;
  StartFunction start = nullptr;
};

// Null for Endpoint::kUnknown, and for what this server does not offer.
const EndpointRule* find_rule(http::Endpoint endpoint);

}  // namespace tfe::kserve_http
