// The listening frontends.
#pragma once

#include <nanobind/nanobind.h>

namespace tfe::bindings {

void bind_frontend(nanobind::module_& module);

}  // namespace tfe::bindings
