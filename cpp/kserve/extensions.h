// The state of Triton's protocol extensions that all frontends of one inference server share, so
// that a region registered over HTTP can be used over gRPC, and a setting made on one port is seen
// on the other.
//
// Lifetime rule: kept alive by the frontends that use it and what they have in flight; the last of
// them takes it away. Thread rule: any thread.
#pragma once

#include <memory>

#include "kserve/group_query.h"
#include "kserve/model_hosting.h"
#include "kserve/replication.h"
#include "kserve/shared_memory.h"
#include "kserve/tracing.h"
#include "triton/server.h"

namespace tfe::kserve {

struct Extensions {
  explicit Extensions(const triton::Server& server);

  SharedMemory shared_memory;
  Tracing tracing;
  Replication replication{"changes of the server"};
  GroupQueries queries{"questions to the group"};
  HostingRef hosting;
};

// The same object for every reference to that server while somebody holds it, and another one for a
// server that is made at its address later.
std::shared_ptr<Extensions> extensions_of(const triton::Server& server);

}  // namespace tfe::kserve
