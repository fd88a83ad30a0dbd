#include "kserve/control_call.h"

#include <utility>

#include "kserve/extensions.h"
#include "kserve/model_control.h"

namespace tfe::kserve {
namespace {

class Rules {
 public:
  Rules(triton::Server& server, Extensions& extensions, Origin origin)
      : server_(server), extensions_(extensions), origin_(origin) {}

  base::Status operator()(const RegisterSystem& call) const {
    return extensions_.shared_memory.register_system(call.name, call.source);
  }
  base::Status operator()(const RegisterCuda& call) const {
    return extensions_.shared_memory.register_cuda(call.name, call.source);
  }
  base::Status operator()(const Unregister& call) const {
    return extensions_.shared_memory.unregister(call.kind, call.name);
  }
  base::Status operator()(const LoadModel& call) const {
    return load_model(server_, call.name, call.parameters);
  }
  base::Status operator()(const UnloadModel& call) const {
    return unless_gone(unload_model(server_, call.name, call.dependents));
  }
  base::Status operator()(const HostModel& call) const {
    const auto hosting = extensions_.hosting.get();
    return hosting ? hosting->host(call, origin_ != Origin::kClient) : nobody_hosts();
  }
  base::Status operator()(const UnhostModel& call) const {
    const auto hosting = extensions_.hosting.get();
    return hosting ? unless_gone(hosting->unhost(call)) : nobody_hosts();
  }
  base::Status operator()(const ChangeTrace& call) const {
    if (!call.model.empty() && origin_ == Origin::kClient) {
      auto status = check_traced_model(server_, call.model);
      if (!status) return status;
    }
    auto settings = extensions_.tracing.update(call.model, call.update);
    if (!settings) return std::unexpected(std::move(settings.error()));
    return {};
  }
  base::Status operator()(const ChangeLog& call) const {
    return triton::set_log_settings(server_.library(), call.settings);
  }

 private:
  base::Status unless_gone(base::Status unloaded) const {
    const bool gone = !unloaded && unloaded.error().code == base::Code::kNotFound;
    return gone && origin_ != Origin::kClient ? base::Status() : unloaded;
  }
  static base::Status nobody_hosts() {
    return base::fail(base::Code::kUnavailable, "no frontend of this server hosts models");
  }

  triton::Server& server_;
  Extensions& extensions_;
  Origin origin_;
};

}  // namespace

base::Status carry_out(triton::Server& server, Extensions& extensions, const ControlCall& call,
                       Origin origin) {
  return std::visit(Rules(server, extensions, origin), call);
}

void change(triton::Server& server, Extensions& extensions, ControlCall call, ControlDone done) {
  if (extensions.replication.submit(call, done)) return;
  done(carry_out(server, extensions, call));
}

}  // namespace tfe::kserve
