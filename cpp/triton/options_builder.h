// ServerOptions as the core's options object.
#pragma once

#include <memory>

#include "base/status.h"
#include "triton/library.h"
#include "triton/options.h"

namespace tfe::triton {

struct OptionsDeleter {
  const Library* library;
  void operator()(TRITONSERVER_ServerOptions* options) const;
};
using OptionsHandle = std::unique_ptr<TRITONSERVER_ServerOptions, OptionsDeleter>;

// Fails with the core's error, or kUnsupported for an option that an older core lacks and that is
// not at its default. Log settings take effect at once.
base::Result<OptionsHandle> build_options(const Library& library, const ServerOptions& options);

}  // namespace tfe::triton
