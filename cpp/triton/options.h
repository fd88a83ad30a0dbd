// Everything that can be said about a server before it is made. Names follow the fields of Triton's
// in-process Python API; defaults are its defaults (C defaults differ where noted).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "triton/logging.h"
#include "triton/types.h"

namespace tfe::triton {

struct RateLimiterResource {
  std::string name;
  std::uint64_t count = 0;
  int device = -1;  // -1: every device
};

struct ModelLoadDeviceLimit {
  InstanceGroupKind kind = InstanceGroupKind::kGpu;  // the core accepts kGpu only
  int device = 0;
  double fraction = 1.0;  // of the device's memory, 0..1
};

// setting -> value
using Settings = std::map<std::string, std::string>;

struct ServerOptions {
  std::vector<std::string> model_repositories;  // absolute paths; none: ServerNew fails
  std::string server_id = "triton";
  ModelControlMode model_control_mode = ModelControlMode::kNone;  // C: kPoll
  std::vector<std::string> startup_models;                        // kExplicit only; "*": all
  bool strict_model_config = false;                               // C: true
  std::string model_config_name;  // alternative configuration file; empty: config.pbtxt

  RateLimitMode rate_limiter_mode = RateLimitMode::kOff;
  std::vector<RateLimiterResource> rate_limiter_resources;

  // Bytes. Without a GPU the core cannot allocate the pinned pool: see adapt_to_devices.
  std::uint64_t pinned_memory_pool_size = std::uint64_t{1} << 28;
  std::map<int, std::uint64_t> cuda_memory_pool_sizes;      // device -> bytes; core: 64 MiB each
  std::map<int, std::uint64_t> cuda_virtual_address_sizes;  // device -> bytes; core: 1 GiB each

  std::map<std::string, std::string> cache_config;  // cache name -> JSON; the core takes one cache
  std::string cache_directory = "/opt/tritonserver/caches";

  double min_supported_compute_capability = 6.0;
  bool exit_on_error = true;
  bool strict_readiness = true;
  unsigned exit_timeout = 30;  // seconds that stop() may take; 0 acts as 1 (the core would fail)
  unsigned buffer_manager_thread_count = 0;
  unsigned model_load_thread_count = 4;
  unsigned model_load_retry_count = 0;
  bool model_namespacing = false;
  bool enable_peer_access = true;

  LogSettings log;
  // With nothing set in `log`, keep the levels off until the server is there.
  bool quiet_start = true;

  bool metrics = true;
  bool gpu_metrics = true;
  bool cpu_metrics = true;
  std::uint64_t metrics_interval = 2000;  // milliseconds

  std::string backend_directory = "/opt/tritonserver/backends";
  std::string repo_agent_directory = "/opt/tritonserver/repoagents";
  std::vector<ModelLoadDeviceLimit> model_load_device_limits;
  std::map<std::string, Settings> backend_configuration;  // backend ("": all) -> settings
  std::map<std::string, Settings> host_policies;
  std::map<std::string, Settings> metrics_configuration;  // name ("": global) -> settings

  // Where this process sees no GPU, do without what can only fail there and complain on standard
  // error: pinned memory pool, GPU metrics, peer access.
  bool adapt_to_devices = true;
};

// Whether the driver shows a GPU to this process (CUDA_VISIBLE_DEVICES can hide them all). Looks at
// files only; loads nothing.
bool gpu_present();

}  // namespace tfe::triton
