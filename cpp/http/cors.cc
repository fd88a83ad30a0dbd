#include "http/cors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "http/headers.h"
#include "http/interceptor.h"

namespace tfe::http {
namespace {

// What the services answer to.
constexpr std::string_view kMethods = "GET, HEAD, POST, DELETE, OPTIONS";
// Response headers of ours that a page could not read otherwise (Fetch, section 2.2.2).
constexpr std::string_view kExposed =
    "Inference-Header-Content-Length, endpoint-load-metrics, Retry-After, Allow";

struct IgnoringSink final : RequestSink {
  void on_body(base::Bytes) override {}
  void on_end() override {}
  void on_abort() override {}
};

// scheme "://" host [":" port], as browsers send it: no path, no blank, no user.
bool is_origin(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == 0 || colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(colon + 3);
  return !host.empty() && host.find_first_of("/?#@\\, \t\r\n") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

void append_vary(ResponseHead& head, std::string_view names) {
  for (Header& header : head.headers) {
    if (header.name != "vary") continue;
    header.value.append(", ").append(names);
    return;
  }
  head.headers.push_back({"vary", std::string(names)});
}

// The requested headers, if they are names: they go into a header of ours.
std::optional<std::string> header_names(std::string_view list) {
  std::string names;
  bool valid = true;
  for_each_item(list, [&](std::string_view name) {
    valid = valid && is_token(name);
    if (!names.empty()) names += ", ";
    names += name;
  });
  if (!valid) return std::nullopt;
  return names;
}

std::shared_ptr<RequestSink> refuse(Exchange& exchange, int status, std::string_view message) {
  exchange.respond({.status = status, .headers = {{"content-type", "application/json"}}},
                   base::Chain::of("{\"error\":\"" + std::string(message) + "\"}"));
  return std::make_shared<IgnoringSink>();
}

}  // namespace

base::Status check_cors(const CorsOptions& options) {
  for (const std::string& origin : options.allow_origins) {
    if (origin == "*") {
      if (!options.allow_credentials) continue;
      return base::fail(base::Code::kInvalidArgument,
                        "cors_allow_origins: \"*\" is not allowed together with credentials");
    }
    if (!is_origin(origin)) {
      return base::fail(
          base::Code::kInvalidArgument,
          "cors_allow_origins: expected \"*\" or scheme://host[:port], got \"" + origin + "\"");
    }
  }
  return {};
}

// Adds the headers to whatever the service answers. The origin is empty if it is not allowed.
class Cors::Decorated final : public Interceptor {
 public:
  Decorated(Exchange& outer, const Cors& cors, std::string_view origin)
      : Interceptor(outer), cors_(cors), origin_(origin) {}

 private:
  void response_head(ResponseHead& head) override {
    cors_.add_origin(origin_, head);
    if (!origin_.empty()) {
      head.headers.push_back({"access-control-expose-headers", std::string(kExposed)});
    }
  }

  const Cors& cors_;
  const std::string origin_;
};

Cors::Cors(std::shared_ptr<Handler> next, CorsOptions options)
    : next_(std::move(next)),
      options_(std::move(options)),
      any_origin_(std::ranges::find(options_.allow_origins, "*") != options_.allow_origins.end()) {}

bool Cors::allows(std::string_view origin) const {
  return any_origin_ ||
         std::ranges::any_of(options_.allow_origins,
                             [&](const std::string& allowed) { return iequals(allowed, origin); });
}

// Answers that depend on the origin say so also when there is none, or a shared cache would give
// them to everybody (Fetch, section 3.3.6).
void Cors::add_origin(std::string_view origin, ResponseHead& head) const {
  if (!any_origin_) append_vary(head, "Origin");
  if (origin.empty()) return;
  head.headers.push_back({"access-control-allow-origin", any_origin_ ? "*" : std::string(origin)});
  if (options_.allow_credentials) {
    head.headers.push_back({"access-control-allow-credentials", "true"});
  }
}

std::shared_ptr<RequestSink> Cors::preflight(const RequestHead& head, std::string_view origin,
                                             std::string_view method, Exchange& exchange) const {
  if (!allows(origin)) {
    return refuse(exchange, 403, "this origin is not in the server's cors_allow_origins");
  }
  const auto requested = find_header(head.headers, "access-control-request-headers");
  auto names = header_names(requested.value_or(""));
  if (!is_token(method) || !names) {
    return refuse(exchange, 400, "malformed Access-Control-Request-Method or -Headers");
  }
  ResponseHead answer{.status = 204, .headers = {}};
  add_origin(origin, answer);
  append_vary(answer, "Access-Control-Request-Headers");
  answer.headers.push_back({"access-control-allow-methods", std::string(kMethods)});
  if (!names->empty())
    answer.headers.push_back({"access-control-allow-headers", *std::move(names)});
  answer.headers.push_back({"access-control-max-age", std::to_string(options_.max_age.count())});
  exchange.respond(std::move(answer), {});
  return std::make_shared<IgnoringSink>();
}

std::shared_ptr<RequestSink> Cors::on_request(const RequestHead& head, Exchange& exchange) {
  const auto origin = find_header(head.headers, "origin");
  if (origin && head.method == "OPTIONS") {
    const auto method = find_header(head.headers, "access-control-request-method");
    if (method) return preflight(head, *origin, *method, exchange);
  }
  if (!origin && any_origin_) return next_->on_request(head, exchange);
  const std::string_view allowed = origin && allows(*origin) ? *origin : std::string_view{};
  return Interceptor::run(std::make_shared<Decorated>(exchange, *this, allowed), *next_, head);
}

}  // namespace tfe::http
