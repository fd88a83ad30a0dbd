// The check of restricted APIs (kserve::AccessPolicy) against the headers of an HTTP request.
#pragma once

#include "base/status.h"
#include "http/exchange.h"
#include "kserve/access_policy.h"
#include "kserve_http/options.h"

namespace tfe::cloud {

// kPermissionDenied unless the request may use the API.
base::Status check_access(const kserve_http::Context& context, kserve::Api api,
                          const http::RequestHead& head);

}  // namespace tfe::cloud
