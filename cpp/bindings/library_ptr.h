// The opened library as a pointer that threads of the core may hold and drop.
#pragma once

#include <memory>

#include "bindings/errors.h"
#include "triton/library.h"

namespace tfe::bindings {

// There is one per process. nanobind's own pointer to the Python object would do as well, but takes
// the GIL on the thread that drops it.
inline std::shared_ptr<const triton::Library> shared(const triton::Library&) {
  return unwrap(triton::Library::open({}));
}

}  // namespace tfe::bindings
