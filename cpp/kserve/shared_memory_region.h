// One region of shared memory: what it was made from, and where it is mapped in this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/status.h"
#include "triton/cuda_runtime.h"
#include "triton/types.h"

namespace tfe::kserve {

enum class RegionKind : std::uint8_t { kSystem, kCuda };

struct SystemRegionSource {
  std::string key;           // of shm_open, with or without its leading slash
  std::uint64_t offset = 0;  // of the region in the object, bytes; need not be page-aligned
  std::uint64_t byte_size = 0;
};

struct CudaRegionSource {
  triton::CudaIpcHandle handle{};
  std::uint64_t device_id = 0;
  std::uint64_t byte_size = 0;
};

// Immutable but for close().
class Region {
 public:
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  virtual ~Region() = default;

  virtual RegionKind kind() const = 0;
  virtual triton::MemoryPlace place() const = 0;
  // Null for system memory.
  virtual const triton::CudaIpcHandle* ipc_handle() const { return nullptr; }
  // Whether the bytes up to `end` (above 0) still exist. The client may truncate its object at any
  // time, and whoever touches what is gone gets SIGBUS. Asked before each use; it cannot help
  // against a client that truncates while a model is at work.
  virtual bool reaches(std::uint64_t end) const = 0;
  // Unmaps. Only for the last owner; the destructor does the same and drops the error.
  virtual base::Status close() = 0;

  const std::string& name() const { return name_; }
  std::uint64_t byte_size() const { return byte_size_; }
  std::byte* data() const { return data_; }

 protected:
  Region(std::string name, std::uint64_t byte_size, std::byte* data)
      : name_(std::move(name)), byte_size_(byte_size), data_(data) {}

 private:
  std::string name_;
  std::uint64_t byte_size_;
  std::byte* data_;
};

// A key without its leading slashes, which make no difference.
std::string_view object_name(std::string_view key);

class SystemRegion final : public Region {
 public:
  // The errors of SharedMemory::register_system() that concern the object. The key holds no NUL.
  static base::Result<std::shared_ptr<Region>> map(const std::string& name,
                                                   const SystemRegionSource& source);
  ~SystemRegion() override;

  RegionKind kind() const override { return RegionKind::kSystem; }
  triton::MemoryPlace place() const override { return {}; }
  bool reaches(std::uint64_t end) const override;
  base::Status close() override;
  const SystemRegionSource& source() const { return source_; }

 private:
  SystemRegion(const std::string& name, const SystemRegionSource& source,
               base::MutableBytes mapping);

  SystemRegionSource source_;
  base::MutableBytes mapping_;  // whole pages; the region begins somewhere in the first
};

class CudaRegion final : public Region {
 public:
  static base::Result<std::shared_ptr<Region>> open(const std::string& name,
                                                    const CudaRegionSource& source,
                                                    const triton::CudaRuntime& runtime);
  ~CudaRegion() override;

  RegionKind kind() const override { return RegionKind::kCuda; }
  triton::MemoryPlace place() const override;
  const triton::CudaIpcHandle* ipc_handle() const override { return &source_.handle; }
  // Device memory stays until it is closed.
  bool reaches(std::uint64_t) const override { return true; }
  base::Status close() override;
  const CudaRegionSource& source() const { return source_; }

 private:
  CudaRegion(const std::string& name, const CudaRegionSource& source,
             const triton::CudaRuntime& runtime, const triton::CudaMapping& mapping);

  CudaRegionSource source_;
  const triton::CudaRuntime& runtime_;
  triton::CudaMapping mapping_;
};

}  // namespace tfe::kserve
