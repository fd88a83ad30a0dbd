// The shared memory that clients have registered: Triton's system and CUDA shared memory
// extensions, for all protocols. Both kinds share one name space.
//
// Thread rule: any thread. register_*() and unregister() make system calls that may block: keep
// them off loop threads. No lock is held during those calls, so use() never waits for one.
// Lifetime rule: what use() gives stays mapped, whatever happens to the region or to this object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kserve/request.h"
#include "kserve/shared_memory_region.h"
#include "kserve/shared_memory_use.h"
#include "triton/types.h"

namespace tfe::kserve {

class SharedMemory {
 public:
  // Each region is one mapping, of which Linux grants a process 65,530 by default
  // (vm.max_map_count); the rest is for the core and its models. kResourceExhausted beyond.
  static constexpr std::size_t kDefaultMaxRegions = 16384;

  // Objects that belong to Triton's Python backend unless it is configured otherwise. A client that
  // mapped one could read and change what other clients' models work on.
  static constexpr std::string_view kPythonPrefix = "triton_python_backend_shm_region_";

  // `reserved`: more prefixes of keys that clients may not register.
  explicit SharedMemory(std::vector<std::string> reserved = {},
                        std::size_t max_regions = kDefaultMaxRegions);

  // Maps a POSIX shared memory object. kInvalidArgument for a key that is no name or is reserved
  // for Triton's Python backend, a range that is empty or not within the object, and for what
  // cannot be mapped; kAlreadyExists for a name in use; kInternal if the object cannot be opened.
  base::Status register_system(const std::string& name, const SystemRegionSource& source);
  // Opens device memory of another process. kInvalidArgument also where there is no CUDA.
  base::Status register_cuda(const std::string& name, const CudaRegionSource& source);

  // In the order of names; all regions of the kind for an empty name. kNotFound for an unknown name
  // and for one of the other kind.
  base::Result<std::vector<std::shared_ptr<const Region>>> status(RegionKind kind,
                                                                  const std::string& name) const;

  // An empty name: all regions of the kind. A region in use goes when its last user has finished;
  // until then it keeps its name and is listed, but takes no new users. An unknown name or one of
  // the other kind is no error. kInternal if device memory could not be closed; the region is gone
  // even so.
  base::Status unregister(RegionKind kind, const std::string& name);

  // The part of a region that a request names, and the right to it. kNotFound for an unknown
  // region and for one that was unregistered, kInvalidArgument for what is not within it.
  base::Result<RegionUse> use(const SharedMemoryRef& reference) const;

 private:
  base::Status check_key(const std::string& name, const std::string& key) const;

  std::vector<std::string> reserved_;
  std::shared_ptr<RegionTable> table_;
};

// The error for registering and unregistering where the frontend does not allow it.
base::Error client_shared_memory_disabled();

}  // namespace tfe::kserve
