#include "kserve/header_forwarding.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>

#include "kserve/parameters.h"

namespace tfe::kserve {

namespace {

// Names that Triton's own parameters have. In any case: a model that reads "Priority" must not be
// told something else than the scheduler is.
bool is_reserved(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower == "headers" || parameter_key(lower, Protocol::kHttp) != ParameterKey::kCustom;
}

}  // namespace

base::Result<HeaderForwarding> HeaderForwarding::compile(std::string_view pattern) {
  HeaderForwarding forwarding;
  if (pattern.empty()) return forwarding;
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!compiled->ok()) {
    return base::fail(
        base::Code::kInvalidArgument,
        "invalid header forward pattern '" + std::string(pattern) + "': " + compiled->error());
  }
  forwarding.pattern_ = std::move(compiled);
  return forwarding;
}

base::Status HeaderForwarding::forward(std::string_view name, std::string_view value,
                                       InferRequest& request) const {
  if (!pattern_) return {};
  if (!re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *pattern_)) return {};
  if (is_reserved(name)) {
    return base::fail(
        base::Code::kInvalidArgument,
        "Header '" + std::string(name) + "' is reserved for Triton usage and cannot be forwarded.");
  }
  request.parameters.push_back({std::string(name), std::string(value)});
  return {};
}

}  // namespace tfe::kserve
