// Cross-origin resource sharing (the Fetch standard's CORS protocol): lets pages of the named
// origins call this server from a browser. A preflight request is answered here and never reaches
// the service; other responses get the headers that make them readable to the page.
//
// Not an access control: without a browser nothing is refused. Do not install it when no origin is
// allowed. The handler decorated must be kept by the owner pointer. Any thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "http/exchange.h"

namespace tfe::http {

struct CorsOptions {
  // "https://app.example" or "http://localhost:3000" each, or "*" for every page of the web.
  std::vector<std::string> allow_origins;
  // Lets pages send cookies and client certificates. Not together with "*" (Fetch, section 3.3.5).
  bool allow_credentials = false;
  // How long a browser may reuse the answer to a preflight. Browsers cap it at two hours or less;
  // ten minutes bound how long a changed setting goes unnoticed.
  std::chrono::seconds max_age{600};
};

// kInvalidArgument "cors_allow_origins: ..." for what is not an origin.
base::Status check_cors(const CorsOptions& options);

class Cors final : public Handler {
 public:
  // `options` passed check_cors().
  Cors(std::shared_ptr<Handler> next, CorsOptions options);

  std::shared_ptr<RequestSink> on_request(const RequestHead& head, Exchange& exchange) override;
  ResponseHead on_headers_too_large(std::size_t size, std::size_t limit) override {
    return next_->on_headers_too_large(size, limit);
  }
  void on_refused(const RefusedRequest& request) override { next_->on_refused(request); }

 private:
  class Decorated;

  bool allows(std::string_view origin) const;
  void add_origin(std::string_view origin, ResponseHead& head) const;
  std::shared_ptr<RequestSink> preflight(const RequestHead& head, std::string_view origin,
                                         std::string_view method, Exchange& exchange) const;

  const std::shared_ptr<Handler> next_;
  const CorsOptions options_;
  const bool any_origin_;
};

}  // namespace tfe::http
