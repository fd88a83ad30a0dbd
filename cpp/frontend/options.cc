#include "frontend/options.h"

#include "kserve/access_policy.h"
#include "kserve/header_forwarding.h"

namespace tfe::frontend {

base::Status check_header_pattern(const std::string& pattern) {
  auto compiled = kserve::HeaderForwarding::compile(pattern);
  if (!compiled) return std::unexpected(std::move(compiled).error());
  return {};
}

base::Status check_restricted_api(const std::vector<std::string>& rules) {
  auto parsed = kserve::AccessPolicy::parse(rules);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  return {};
}

}  // namespace tfe::frontend
