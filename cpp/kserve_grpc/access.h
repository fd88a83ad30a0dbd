// Restricted protocols: which group each method belongs to, and the check before every call.
#pragma once

#include <optional>
#include <string_view>

#include "grpc/router.h"
#include "kserve/access_policy.h"
#include "kserve_grpc/options.h"

namespace tfe::kserve_grpc {

// Nothing for paths of no service here, which cannot be restricted.
std::optional<kserve::Api> api_of(std::string_view path);

// Refuses calls at their head, before a byte of a message is taken.
void protect(grpc::Router& router, const ContextPtr& context);

}  // namespace tfe::kserve_grpc
