// Request headers (gRPC: metadata) whose names match a regular expression become parameters of the
// inference request, as with Triton's --http-header-forward-pattern. RE2 syntax, partial match.
//
// Immutable after creation, so it is shared by all threads without a lock.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "kserve/request.h"

namespace re2 {
class RE2;
}

namespace tfe::kserve {

class HeaderForwarding {
 public:
  // Forwards nothing.
  HeaderForwarding() = default;
  // An empty pattern forwards nothing. kInvalidArgument for one that RE2 refuses, naming the
  // pattern and the reason. The case of names counts unless the pattern says "(?i)".
  static base::Result<HeaderForwarding> compile(std::string_view pattern);

  bool enabled() const { return pattern_ != nullptr; }
  // Appends a string parameter if the name matches. kInvalidArgument if the name, in any case, is
  // one of the reserved parameters.
  base::Status forward(std::string_view name, std::string_view value, InferRequest& request) const;

 private:
  std::shared_ptr<const re2::RE2> pattern_;
};

}  // namespace tfe::kserve
