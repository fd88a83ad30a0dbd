#include "frontend/tracing.h"

#include "kserve/configure_tracing.h"

namespace tfe::frontend {

base::Result<std::shared_ptr<void>> configure_tracing(
    const triton::Server& server, const std::vector<std::pair<std::string, std::string>>& pairs) {
  auto extensions = kserve::configure_tracing(server, pairs);
  if (!extensions) return std::unexpected(std::move(extensions).error());
  return *std::move(extensions);
}

}  // namespace tfe::frontend
