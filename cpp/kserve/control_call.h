// What clients change about a server, as values: shared memory, models (the core's own and those of
// a platform), trace and log settings. Decoded by the protocols, carried out by one rule, whether a
// client of this process asked or a supervisor that repeats it on every worker (replication.h).
//
// Thread rule: any thread; carry_out() blocks as the rules that it calls.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "kserve/model_hosting.h"
#include "kserve/shared_memory_region.h"
#include "kserve/trace_settings.h"
#include "triton/logging.h"
#include "triton/server.h"

namespace tfe::kserve {

struct Extensions;

struct RegisterSystem {
  std::string name;
  SystemRegionSource source;
};
struct RegisterCuda {
  std::string name;
  CudaRegionSource source;
};
struct Unregister {
  RegionKind kind = RegionKind::kSystem;
  std::string name;  // empty: all of the kind
};
struct LoadModel {
  std::string name;
  std::vector<triton::LoadParameter> parameters;
};
struct UnloadModel {
  std::string name;
  bool dependents = false;
};
struct ChangeTrace {
  std::string model;  // empty: the general settings
  TraceUpdate update;
};
struct ChangeLog {
  triton::LogSettings settings;
};

using ControlCall = std::variant<RegisterSystem, RegisterCuda, Unregister, LoadModel, UnloadModel,
                                 HostModel, UnhostModel, ChangeTrace, ChangeLog>;
using ControlDone = std::move_only_function<void(base::Status)>;

enum class Origin : std::uint8_t {
  kClient,  // of this server
  // A client of another server, which has done it. That it holds here already is as good: servers
  // of which one could not do an earlier call come together again.
  kRepeated,
  // Repeated on a server that is about to start: settings of a model hold also while it is not
  // loaded, as they do on the servers on which it was unloaded since.
  kReplay,
};

base::Status carry_out(triton::Server& server, Extensions& extensions, const ControlCall& call,
                       Origin origin = Origin::kClient);

// Hands the call to the replication of the server if there is one, else carries it out at once.
// `done` is called on this thread or later on another; it owns what keeps both references valid.
void change(triton::Server& server, Extensions& extensions, ControlCall call, ControlDone done);

}  // namespace tfe::kserve
