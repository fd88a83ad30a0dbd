#include "triton/options.h"

#include <glob.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "triton/options_builder.h"

namespace tfe::triton {

namespace {

bool any_file(const char* pattern) {
  glob_t matches{};
  const bool found = ::glob(pattern, GLOB_NOSORT, nullptr, &matches) == 0 && matches.gl_pathc > 0;
  ::globfree(&matches);
  return found;
}

// Sets one group of options after another; the first error ends it.
class Builder {
 public:
  Builder(const Library& library, TRITONSERVER_ServerOptions* handle)
      : api_(library.api()), library_(library), handle_(handle) {}

  base::Status run(const ServerOptions& options) {
    basics(options);
    models(options);
    memory(options);
    threads(options);
    metrics(options);
    directories(options);
    named_settings(options);
    return std::move(status_);
  }

 private:
  template <typename... Params, typename... Args>
  void set(const Function<capi::Err*(capi::Options*, Params...)>& setter, Args... args) {
    if (status_) status_ = call(api_, setter, handle_, static_cast<Params>(args)...);
  }

  // For options that a core without the function does not have at all.
  template <typename... Params, typename... Args>
  void set_known(const Function<capi::Err*(capi::Options*, Params...)>& setter, Args... args) {
    if (setter) set(setter, args...);
  }

  // For options whose default needs no call: an older core stays usable as long as nobody asks.
  template <typename... Params, typename... Args>
  void set_if(bool wanted, const Function<capi::Err*(capi::Options*, Params...)>& setter,
              Args... args) {
    if (wanted || setter) set(setter, args...);
  }

  void basics(const ServerOptions& options) {
    set(api_.ServerOptionsSetServerId, options.server_id.c_str());
    for (const std::string& path : options.model_repositories) {
      set(api_.ServerOptionsSetModelRepositoryPath, path.c_str());
    }
    set(api_.ServerOptionsSetExitOnError, options.exit_on_error);
    set(api_.ServerOptionsSetStrictReadiness, options.strict_readiness);
    set(api_.ServerOptionsSetExitTimeout, std::max(options.exit_timeout, 1U));
    if (status_) status_ = set_log_settings(library_, options.log);
  }

  void models(const ServerOptions& options) {
    set(api_.ServerOptionsSetModelControlMode, options.model_control_mode);
    for (const std::string& model : options.startup_models) {
      set(api_.ServerOptionsSetStartupModel, model.c_str());
    }
    set(api_.ServerOptionsSetStrictModelConfig, options.strict_model_config);
    if (!options.model_config_name.empty()) {
      set(api_.ServerOptionsSetModelConfigName, options.model_config_name.c_str());
    }
    set_if(options.model_namespacing, api_.ServerOptionsSetModelNamespacing,
           options.model_namespacing);
    set_if(options.rate_limiter_mode != RateLimitMode::kOff, api_.ServerOptionsSetRateLimiterMode,
           options.rate_limiter_mode);
    for (const RateLimiterResource& resource : options.rate_limiter_resources) {
      set(api_.ServerOptionsAddRateLimiterResource, resource.name.c_str(), resource.count,
          resource.device);
    }
    for (const ModelLoadDeviceLimit& limit : options.model_load_device_limits) {
      set(api_.ServerOptionsSetModelLoadDeviceLimit, limit.kind, limit.device, limit.fraction);
    }
  }

  void memory(const ServerOptions& options) {
    const bool without_gpu = options.adapt_to_devices && !gpu_present();
    set(api_.ServerOptionsSetPinnedMemoryPoolByteSize,
        without_gpu ? 0 : options.pinned_memory_pool_size);
    for (const auto& [device, size] : options.cuda_memory_pool_sizes) {
      set(api_.ServerOptionsSetCudaMemoryPoolByteSize, device, size);
    }
    for (const auto& [device, size] : options.cuda_virtual_address_sizes) {
      set(api_.ServerOptionsSetCudaVirtualAddressSize, device, size);
    }
    set(api_.ServerOptionsSetMinSupportedComputeCapability,
        options.min_supported_compute_capability);
    // The core's constructor leaves this one and the retry count uninitialised.
    set_known(api_.ServerOptionsSetEnablePeerAccess, options.enable_peer_access && !without_gpu);
  }

  void threads(const ServerOptions& options) {
    set_if(options.model_load_retry_count != 0, api_.ServerOptionsSetModelLoadRetryCount,
           options.model_load_retry_count);
    set(api_.ServerOptionsSetBufferManagerThreadCount, options.buffer_manager_thread_count);
    set_known(api_.ServerOptionsSetModelLoadThreadCount, options.model_load_thread_count);
  }

  void metrics(const ServerOptions& options) {
    const bool gpu = options.gpu_metrics && !(options.adapt_to_devices && !gpu_present());
    set(api_.ServerOptionsSetMetrics, options.metrics);
    set(api_.ServerOptionsSetGpuMetrics, gpu);
    set_known(api_.ServerOptionsSetCpuMetrics, options.cpu_metrics);
    set_known(api_.ServerOptionsSetMetricsInterval, options.metrics_interval);
  }

  void directories(const ServerOptions& options) {
    set(api_.ServerOptionsSetBackendDirectory, options.backend_directory.c_str());
    set(api_.ServerOptionsSetRepoAgentDirectory, options.repo_agent_directory.c_str());
    set_if(!options.cache_config.empty(), api_.ServerOptionsSetCacheDirectory,
           options.cache_directory.c_str());
    for (const auto& [name, json] : options.cache_config) {
      set(api_.ServerOptionsSetCacheConfig, name.c_str(), json.c_str());
    }
  }

  void named_settings(const ServerOptions& options) {
    set_all(api_.ServerOptionsSetBackendConfig, options.backend_configuration);
    set_all(api_.ServerOptionsSetHostPolicy, options.host_policies);
    set_all(api_.ServerOptionsSetMetricsConfig, options.metrics_configuration);
  }

  template <typename Setter>
  void set_all(const Setter& setter, const std::map<std::string, Settings>& groups) {
    for (const auto& [name, settings] : groups) {
      for (const auto& [setting, value] : settings) {
        set(setter, name.c_str(), setting.c_str(), value.c_str());
      }
    }
  }

  const Api& api_;
  const Library& library_;
  TRITONSERVER_ServerOptions* handle_;
  base::Status status_;
};

}  // namespace

bool gpu_present() {
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    // The driver's ways to say "none": an empty list, or one that begins with an invalid entry.
    const std::string_view list = visible;
    if (list.empty() || list.starts_with("-") || list == "NoDevFiles" || list == "void") {
      return false;
    }
  }
  return any_file("/dev/nvidia[0-9]*") || any_file("/proc/driver/nvidia/gpus/*") ||
         ::access("/dev/dxg", F_OK) == 0;
}

void OptionsDeleter::operator()(TRITONSERVER_ServerOptions* options) const {
  (void)call(library->api(), library->api().ServerOptionsDelete, options);
}

base::Result<OptionsHandle> build_options(const Library& library, const ServerOptions& options) {
  TRITONSERVER_ServerOptions* handle = nullptr;
  if (auto status = call(library.api(), library.api().ServerOptionsNew, &handle); !status) {
    return std::unexpected(std::move(status.error()));
  }
  OptionsHandle owner(handle, OptionsDeleter{&library});
  if (auto status = Builder(library, handle).run(options); !status) {
    return std::unexpected(std::move(status.error()));
  }
  return owner;
}

}  // namespace tfe::triton
