// Liveness and readiness of the server and of models. Answered on the loop: cheap, and the more
// needed the busier everything else is.
#pragma once

#include <string>

#include "kserve_http/options.h"
#include "kserve_http/reply.h"

namespace tfe::kserve_http {

// 200 without content if true, 400 without content if not, an error if the core gives one.
Reply server_live(const Context& context);
Reply server_ready(const Context& context);
// 400 with a message if the model is known and not ready.
Reply model_ready(const Context& context, const std::string& model, std::int64_t version);

}  // namespace tfe::kserve_http
