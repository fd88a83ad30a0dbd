// The parameters of inputs and requested outputs that mean something: shared memory and
// classification. Others are ignored.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "kserve/request.h"
#include "kserve_grpc/parameters.h"

namespace tfe::kserve_grpc {

// Nothing if the tensor names no region. `tensor` is for messages.
base::Result<std::optional<kserve::SharedMemoryRef>> parse_shared_memory(
    const std::vector<WireParameter>& parameters, std::string_view tensor);

// The number of classes, 0 if none is asked for. Cut to 32 bits, as Triton's frontend does.
base::Result<std::uint32_t> parse_classification(const std::vector<WireParameter>& parameters);

}  // namespace tfe::kserve_grpc
