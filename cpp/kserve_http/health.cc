#include "kserve_http/health.h"

#include "kserve/model_control.h"

namespace tfe::kserve_http {
namespace {

Reply health_reply(const base::Result<bool>& healthy) {
  if (!healthy) return error_reply(healthy.error());
  return empty_reply(*healthy ? 200 : 400, kText);
}

}  // namespace

Reply server_live(const Context& context) { return health_reply(context.server->live()); }

Reply server_ready(const Context& context) { return health_reply(context.server->ready()); }

Reply model_ready(const Context& context, const std::string& model, std::int64_t version) {
  const auto ready = kserve::model_ready(*context.server, model, version);
  if (ready && !*ready) {
    return error_reply({base::Code::kInvalidArgument, "Model version not ready"});
  }
  return health_reply(ready);
}

}  // namespace tfe::kserve_http
