#include "cloud/access.h"

#include "http/headers.h"

namespace tfe::cloud {

base::Status check_access(const kserve_http::Context& context, kserve::Api api,
                          const http::RequestHead& head) {
  if (!context.access.restricts(api)) return {};
  return context.access.check(
      api, [&](std::string_view key) { return http::find_header(head.headers, key); });
}

}  // namespace tfe::cloud
