// Who may use a region, and until when: the table of regions by name, and RegionUse, the right of
// one request to a part of one.
//
// A region that is unregistered while in use keeps its name until its last use has ended, and takes
// no new ones. A use ends before the client hears the final response, so that what the client asks
// next finds the region gone; the mapping itself lives on for whoever holds RegionUse::owner().
//
// Thread rule: any thread; the table's lock is held for a look-up only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "kserve/request.h"
#include "kserve/shared_memory_region.h"

namespace tfe::kserve {

class RegionTable;

// Movable. Ends when it goes.
class RegionUse {
 public:
  RegionUse(RegionUse&&) noexcept = default;
  RegionUse& operator=(RegionUse&& other) noexcept;
  ~RegionUse() { end(); }

  // Not to be touched by the CPU if place() is a device.
  base::MutableBytes bytes() const { return bytes_; }
  triton::MemoryPlace place() const { return region_->place(); }
  // Null for system memory. Lives as long as owner().
  const triton::CudaIpcHandle* ipc_handle() const { return region_->ipc_handle(); }
  // Whether the client has left the memory as large as it was; see Region::reaches().
  bool intact() const;
  // Keeps the memory mapped, without counting as a use.
  base::Owner owner() const { return region_; }
  const std::string& region_name() const { return region_->name(); }

 private:
  friend class RegionTable;
  RegionUse(std::shared_ptr<RegionTable> table, std::shared_ptr<Region> region)
      : table_(std::move(table)), region_(std::move(region)) {}
  void end();

  std::shared_ptr<RegionTable> table_;
  std::shared_ptr<Region> region_;
  base::MutableBytes bytes_;
};

class RegionTable : public std::enable_shared_from_this<RegionTable> {
 public:
  explicit RegionTable(std::size_t max_regions) : max_regions_(max_regions) {}

  // Whether a region of that name could be added now.
  base::Status check_vacant(const std::string& name) const;
  base::Status add(std::shared_ptr<Region> region);

  std::shared_ptr<const Region> find(const std::string& name) const;
  std::vector<std::shared_ptr<const Region>> list(RegionKind kind) const;

  // Takes regions out, or marks those that are in use. Nothing for a name that is unknown or of the
  // other kind. An empty name takes all of the kind.
  std::vector<std::shared_ptr<Region>> take(RegionKind kind, const std::string& name);

  base::Result<RegionUse> use(const SharedMemoryRef& reference);

 private:
  friend class RegionUse;
  struct Entry {
    std::shared_ptr<Region> region;
    std::size_t uses = 0;
    bool leaving = false;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  base::Status vacant(const std::string& name) const;
  Entries::iterator take(Entries::iterator entry, std::vector<std::shared_ptr<Region>>& taken);
  void end_use(std::shared_ptr<Region> region);

  const std::size_t max_regions_;
  mutable std::mutex mutex_;
  Entries entries_;
};

// Unmaps a region that has left the table, unless somebody still holds its memory, who will.
base::Status close_region(std::shared_ptr<Region> region);

}  // namespace tfe::kserve
