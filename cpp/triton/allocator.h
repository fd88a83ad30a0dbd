// The process's response allocator: where the core puts outputs. Its callbacks ask the request's
// Observer, and otherwise take pooled CPU memory. They run on threads of the core.
#pragma once

#include "base/status.h"
#include "triton/api.h"

namespace tfe::triton {

// Never deleted: responses keep a raw pointer to it.
base::Result<TRITONSERVER_ResponseAllocator*> make_allocator(const Api& api);

}  // namespace tfe::triton
