// The part of Server that changes what is served: loading, unloading, repositories.
#include <algorithm>
#include <thread>

#include "triton/library.h"
#include "triton/parameter.h"
#include "triton/server.h"

namespace tfe::triton {

base::Status Server::load_model(const std::string& name,
                                std::span<const LoadParameter> parameters) {
  if (auto status = running(); !status) return status;
  ParameterList list(api());
  for (const LoadParameter& parameter : parameters) {
    if (auto status = list.add(parameter); !status) return status;
  }
  auto status = parameters.empty()
                    ? call(api(), api().ServerLoadModel, handle_, name.c_str())
                    : call(api(), api().ServerLoadModelWithParameters, handle_, name.c_str(),
                           list.data(), static_cast<std::uint64_t>(list.size()));
  touch();
  return status;
}

base::Status Server::client_control() const {
  if (!client_control_refused_.load(std::memory_order_relaxed)) return {};
  return base::fail(base::Code::kUnavailable,
                    "explicit model load / unload is not allowed if polling is enabled");
}

base::Status Server::unload_model(const std::string& name, bool dependents) {
  if (auto status = running(); !status) return status;
  pause_before_unload();
  auto status = dependents
                    ? call(api(), api().ServerUnloadModelAndDependents, handle_, name.c_str())
                    : call(api(), api().ServerUnloadModel, handle_, name.c_str());
  touch();
  return status;
}

base::Status Server::register_repository(
    const std::string& path, std::span<const std::pair<std::string, std::string>> mapping) {
  if (auto status = running(); !status) return status;
  ParameterList list(api());
  for (const auto& [directory, served_name] : mapping) {
    if (auto status = list.add(directory, served_name); !status) return status;
  }
  return call(api(), api().ServerRegisterModelRepository, handle_, path.c_str(), list.data(),
              static_cast<std::uint32_t>(list.size()));
}

base::Status Server::unregister_repository(const std::string& path) {
  if (auto status = running(); !status) return status;
  return call(api(), api().ServerUnregisterModelRepository, handle_, path.c_str());
}

base::Status Server::poll_repository() {
  if (auto status = running(); !status) return status;
  pause_before_unload();
  auto status = call(api(), api().ServerPollModelRepository, handle_);
  touch();
  return status;
}

}  // namespace tfe::triton
