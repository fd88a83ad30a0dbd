// The shared memory that one request uses, from its check to its final response.
//
// Thread rule: bound by the thread that submits; afterwards read by threads of the core.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kserve/shared_memory.h"
#include "triton/inference.h"

namespace tfe::kserve {

class RequestRegions {
 public:
  // Appends the memory to the core's request, which keeps it mapped until it is released.
  base::Status bind_input(const SharedMemory& memory, const std::string& input,
                          const SharedMemoryRef& reference, triton::Request& target);
  base::Status bind_output(const SharedMemory& memory, const std::string& output,
                           const SharedMemoryRef& reference, triton::Request& target);

  // Null for an output that has no region.
  const RegionUse* output(std::string_view name) const;
  // For triton::Observer: the output's region, nothing if it has none, or kInternal if it is too
  // small for the contents.
  base::Result<std::optional<triton::OutputBuffer>> allocate(std::string_view name,
                                                             std::size_t byte_size) const;
  // Where allocate() would put it.
  triton::MemoryPlace place_of(std::string_view name, std::optional<std::size_t> byte_size) const;

  // Ends the uses: the client's regions are free from here on.
  void end();

 private:
  std::vector<RegionUse> inputs_;
  std::vector<std::pair<std::string, RegionUse>> outputs_;
};

}  // namespace tfe::kserve
