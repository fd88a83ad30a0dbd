#include "kserve/shared_memory.h"

#include <utility>

namespace tfe::kserve {

namespace {

using base::Code;

// PATH_MAX. A region keeps its key, and leading slashes, which the system passes over, could make
// one as long as a request.
constexpr std::size_t kLongestKey = 4096;

// As the texts name them.
std::string_view kind_name(RegionKind kind) {
  return kind == RegionKind::kSystem ? "system" : "cuda";
}

base::Error unknown_region(RegionKind kind, const std::string& name) {
  return {Code::kNotFound, "Unable to find " + std::string(kind_name(kind)) +
                               " shared memory region: '" + name + "'"};
}

base::Error other_kind(RegionKind kind, const std::string& name) {
  const bool system = kind == RegionKind::kSystem;
  return {Code::kNotFound, "The region named '" + name + "' is registered as " +
                               (system ? "CUDA shared memory, not system shared memory"
                                       : "system shared memory, not CUDA shared memory")};
}

}  // namespace

SharedMemory::SharedMemory(std::vector<std::string> reserved, std::size_t max_regions)
    : reserved_(std::move(reserved)), table_(std::make_shared<RegionTable>(max_regions)) {
  reserved_.emplace_back(kPythonPrefix);
}

base::Status SharedMemory::check_key(const std::string& name, const std::string& key) const {
  const std::string text = "cannot register shared memory region '" + name + "'";
  if (key.size() > kLongestKey) {
    return base::fail(Code::kInvalidArgument,
                      text + " - invalid shm key of " + std::to_string(key.size()) +
                          " bytes, expected at most " + std::to_string(kLongestKey));
  }
  const std::string_view object = object_name(key);
  if (object.empty() || object.find('\0') != std::string_view::npos) {
    return base::fail(Code::kInvalidArgument, text + " - invalid shm key '" + key + "'");
  }
  for (const std::string& prefix : reserved_) {
    if (!object.starts_with(prefix)) continue;
    return base::fail(
        Code::kInvalidArgument,
        text + " with key '" + key + "' as the key contains the reserved prefix '" + prefix + "'");
  }
  return {};
}

base::Status SharedMemory::register_system(const std::string& name,
                                           const SystemRegionSource& source) {
  if (auto status = check_key(name, source.key); !status) return status;
  if (auto status = table_->check_vacant(name); !status) return status;
  auto region = SystemRegion::map(name, source);
  if (!region) return std::unexpected(std::move(region.error()));
  // The name may have been taken meanwhile.
  return table_->add(std::move(*region));
}

base::Status SharedMemory::register_cuda(const std::string& name, const CudaRegionSource& source) {
  const auto runtime = triton::CudaRuntime::find();
  if (!runtime) {
    return base::fail(Code::kInvalidArgument,
                      "failed to register CUDA shared memory region: '" + name +
                          "', GPUs not supported: " + runtime.error().message);
  }
  if (auto status = table_->check_vacant(name); !status) return status;
  auto region = CudaRegion::open(name, source, **runtime);
  if (!region) return std::unexpected(std::move(region.error()));
  return table_->add(std::move(*region));
}

base::Result<std::vector<std::shared_ptr<const Region>>> SharedMemory::status(
    RegionKind kind, const std::string& name) const {
  if (name.empty()) return table_->list(kind);
  auto region = table_->find(name);
  if (!region) return std::unexpected(unknown_region(kind, name));
  if (region->kind() != kind) return std::unexpected(other_kind(kind, name));
  return std::vector{std::move(region)};
}

base::Status SharedMemory::unregister(RegionKind kind, const std::string& name) {
  std::string failed;
  for (std::shared_ptr<Region>& region : table_->take(kind, name)) {
    const std::string taken = region->name();
    if (!close_region(std::move(region))) failed += taken + " ,";
  }
  if (failed.empty()) return {};
  return base::fail(Code::kInternal, "Failed to unregister the following " +
                                         std::string(kind_name(kind)) +
                                         " shared memory regions: " + failed);
}

base::Result<RegionUse> SharedMemory::use(const SharedMemoryRef& reference) const {
  return table_->use(reference);
}

base::Error client_shared_memory_disabled() {
  return {Code::kUnsupported,
          "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to "
          "enable."};
}

}  // namespace tfe::kserve
