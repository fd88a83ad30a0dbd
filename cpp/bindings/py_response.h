// What Python holds of a response, and of the memory of one output. Deleting the last one of a
// model that is being unloaded runs the model's destructor, so it happens without the GIL.
#pragma once

#include <memory>
#include <vector>

#include "base/bytes.h"
#include "bindings/gil.h"
#include "triton/inference.h"

namespace tfe::bindings {

struct OutputMemory {
  base::Owner owner;
};

struct PyResponse {
  PyResponse(triton::Response response, std::vector<base::Owner> output_memory)
      : core(std::make_unique<triton::Response>(std::move(response))),
        memory(std::move(output_memory)) {}
  PyResponse(PyResponse&&) = default;
  PyResponse& operator=(PyResponse&&) = delete;
  ~PyResponse() {
    if (core) without_gil([this] { core.reset(); });
  }

  std::unique_ptr<triton::Response> core;
  std::vector<base::Owner> memory;  // of each output
};

}  // namespace tfe::bindings
