#include "frontend/options.h"

#include "kserve/access_policy.h"
#include "kserve/header_forwarding.h"

namespace tfe::frontend {
namespace {

base::Status check_rules(const std::vector<std::string>& rules, kserve::Protocol protocol) {
  auto parsed = kserve::AccessPolicy::parse(rules, protocol);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  return {};
}

}  // namespace

base::Status check_header_pattern(const std::string& pattern) {
  auto compiled = kserve::HeaderForwarding::compile(pattern);
  if (!compiled) return std::unexpected(std::move(compiled).error());
  return {};
}

base::Status check_restricted_api(const std::vector<std::string>& rules) {
  return check_rules(rules, kserve::Protocol::kHttp);
}

base::Status check_restricted_protocols(const std::vector<std::string>& rules) {
  return check_rules(rules, kserve::Protocol::kGrpc);
}

}  // namespace tfe::frontend
