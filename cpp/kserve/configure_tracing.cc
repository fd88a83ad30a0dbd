#include "kserve/configure_tracing.h"

namespace tfe::kserve {

base::Result<std::shared_ptr<Extensions>> configure_tracing(
    const triton::Server& server, const std::vector<std::pair<std::string, std::string>>& pairs) {
  auto settings = parse_trace_config(pairs);
  if (!settings) return std::unexpected(std::move(settings.error()));
  auto extensions = extensions_of(server);
  if (auto status = extensions->tracing.configure(*settings); !status) {
    return std::unexpected(std::move(status.error()));
  }
  return extensions;
}

}  // namespace tfe::kserve
