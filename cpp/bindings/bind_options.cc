// ServerOptions: plain attributes. The Python class tritonserver.Options has the documentation and
// the checks; enumerations arrive as their integers.
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/bind.h"
#include "triton/options.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

using triton::LogSettings;
using triton::ServerOptions;

void set_log(ServerOptions& self, std::optional<std::string> file, bool info, bool warn, bool error,
             int format, int verbose) {
  self.log = LogSettings{.info = info,
                         .warn = warn,
                         .error = error,
                         .verbose = verbose,
                         .format = static_cast<triton::LogFormat>(format),
                         .file = std::move(file)};
}

void bind_repository(nb::class_<ServerOptions>& options) {
  options.def_rw("model_repositories", &ServerOptions::model_repositories)
      .def_rw("server_id", &ServerOptions::server_id)
      .def_prop_rw(
          "model_control_mode",
          [](const ServerOptions& self) { return static_cast<int>(self.model_control_mode); },
          [](ServerOptions& self, int mode) {
            self.model_control_mode = static_cast<triton::ModelControlMode>(mode);
          })
      .def_rw("startup_models", &ServerOptions::startup_models)
      .def_rw("strict_model_config", &ServerOptions::strict_model_config)
      .def_rw("exit_on_error", &ServerOptions::exit_on_error)
      .def_rw("strict_readiness", &ServerOptions::strict_readiness)
      .def_rw("exit_timeout", &ServerOptions::exit_timeout)
      .def_rw("model_load_thread_count", &ServerOptions::model_load_thread_count)
      .def_rw("model_load_retry_count", &ServerOptions::model_load_retry_count)
      .def_rw("model_namespacing", &ServerOptions::model_namespacing)
      .def_rw("backend_directory", &ServerOptions::backend_directory)
      .def_rw("repo_agent_directory", &ServerOptions::repo_agent_directory)
      .def_rw("cache_directory", &ServerOptions::cache_directory)
      .def_rw("cache_config", &ServerOptions::cache_config)
      .def_rw("backend_configuration", &ServerOptions::backend_configuration)
      .def_rw("host_policies", &ServerOptions::host_policies);
}

void bind_resources(nb::class_<ServerOptions>& options) {
  options
      .def_prop_rw(
          "rate_limiter_mode",
          [](const ServerOptions& self) { return static_cast<int>(self.rate_limiter_mode); },
          [](ServerOptions& self, int mode) {
            self.rate_limiter_mode = static_cast<triton::RateLimitMode>(mode);
          })
      .def("add_rate_limiter_resource",
           [](ServerOptions& self, const std::string& name, std::uint64_t count, int device) {
             self.rate_limiter_resources.push_back({name, count, device});
           })
      .def("add_model_load_device_limit",
           [](ServerOptions& self, int kind, int device, double fraction) {
             self.model_load_device_limits.push_back(
                 {static_cast<triton::InstanceGroupKind>(kind), device, fraction});
           })
      .def_rw("pinned_memory_pool_size", &ServerOptions::pinned_memory_pool_size)
      .def_rw("cuda_memory_pool_sizes", &ServerOptions::cuda_memory_pool_sizes)
      .def_rw("min_supported_compute_capability", &ServerOptions::min_supported_compute_capability)
      .def_rw("buffer_manager_thread_count", &ServerOptions::buffer_manager_thread_count)
      .def_rw("enable_peer_access", &ServerOptions::enable_peer_access);
}

void bind_observation(nb::class_<ServerOptions>& options) {
  options
      .def("set_log", set_log, nb::arg("file").none(), nb::arg("info"), nb::arg("warn"),
           nb::arg("error"), nb::arg("format"), nb::arg("verbose"))
      .def_rw("metrics", &ServerOptions::metrics)
      .def_rw("gpu_metrics", &ServerOptions::gpu_metrics)
      .def_rw("cpu_metrics", &ServerOptions::cpu_metrics)
      .def_rw("metrics_interval", &ServerOptions::metrics_interval)
      .def_rw("metrics_configuration", &ServerOptions::metrics_configuration);
}

}  // namespace

void bind_options(nb::module_& m) {
  nb::class_<ServerOptions> options(m, "ServerOptions");
  options.def(nb::init<>());
  bind_repository(options);
  bind_resources(options);
  bind_observation(options);
}

}  // namespace tfe::bindings
