// What Python holds of a response. Deleting the last one of a model that is being unloaded runs the
// model's destructor, so it happens without the GIL.
#pragma once

#include <memory>

#include "bindings/gil.h"
#include "triton/inference.h"

namespace tfe::bindings {

struct PyResponse {
  explicit PyResponse(triton::Response response)
      : core(std::make_unique<triton::Response>(std::move(response))) {}
  PyResponse(PyResponse&&) = default;
  PyResponse& operator=(PyResponse&&) = delete;
  ~PyResponse() {
    if (core) without_gil([this] { core.reset(); });
  }

  std::unique_ptr<triton::Response> core;
};

}  // namespace tfe::bindings
