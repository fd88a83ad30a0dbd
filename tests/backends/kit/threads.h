// Background work of a model instance: one thread per task, joined before the instance goes.
#pragma once

#include <functional>

#include "kit/api.h"

namespace tfe::backend {

void run_in_background(TRITONBACKEND_ModelInstance* instance, std::function<void()> task);

}  // namespace tfe::backend
