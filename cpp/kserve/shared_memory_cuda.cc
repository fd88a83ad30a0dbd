// CudaRegion: device memory of another process, by its CUDA IPC handle.
#include "kserve/shared_memory_region.h"

namespace tfe::kserve {

base::Result<std::shared_ptr<Region>> CudaRegion::open(const std::string& name,
                                                       const CudaRegionSource& source,
                                                       const triton::CudaRuntime& runtime) {
  auto mapping = runtime.open_memory(source.handle, source.device_id);
  if (!mapping) {
    return base::fail(
        base::Code::kInvalidArgument,
        "failed to register shared memory region: invalid args (" + mapping.error().message + ")");
  }
  std::shared_ptr<Region> region(new CudaRegion(name, source, runtime, *mapping));
  if (source.byte_size == 0 || source.byte_size > mapping->size) {
    return base::fail(base::Code::kInvalidArgument,
                      "failed to register shared memory region '" + name + "': invalid args");
  }
  return region;
}

CudaRegion::CudaRegion(const std::string& name, const CudaRegionSource& source,
                       const triton::CudaRuntime& runtime, const triton::CudaMapping& mapping)
    : Region(name, source.byte_size, mapping.data),
      source_(source),
      runtime_(runtime),
      mapping_(mapping) {}

CudaRegion::~CudaRegion() { (void)close(); }

triton::MemoryPlace CudaRegion::place() const {
  return {triton::MemoryType::kGpu, mapping_.device};
}

base::Status CudaRegion::close() {
  if (!mapping_.data) return {};
  auto status = runtime_.close_memory(mapping_);
  mapping_.data = nullptr;
  return status;
}

}  // namespace tfe::kserve
