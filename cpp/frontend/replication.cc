#include "frontend/replication.h"

namespace tfe::frontend {

base::Result<Replication> Replication::begin(std::shared_ptr<triton::Server> server,
                                             std::size_t limit) {
  auto extensions = kserve::extensions_of(*server);
  const auto fd = extensions->replication.begin(limit);
  if (!fd) return std::unexpected(fd.error());
  return Replication(std::move(server), std::move(extensions), *fd);
}

}  // namespace tfe::frontend
