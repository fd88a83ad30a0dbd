#include "kserve/shared_memory_use.h"

#include <limits>
#include <utility>

namespace tfe::kserve {

namespace {

using base::Code;

// In the order in which Triton checks, so that of several mistakes the same one is reported.
base::Status check_bounds(const SharedMemoryRef& reference, std::uint64_t size) {
  const std::string& name = reference.region;
  if (reference.offset >= size) {
    return base::fail(Code::kInvalidArgument,
                      "Invalid offset for shared memory region: '" + name + "'");
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  if (reference.byte_size > kMax - reference.offset) {
    return base::fail(Code::kInvalidArgument,
                      "Integer overflow detected: byte_size (" +
                          std::to_string(reference.byte_size) + ") + offset (" +
                          std::to_string(reference.offset) + ") exceeds maximum value (" +
                          std::to_string(kMax) + ") for region '" + name + "'");
  }
  if (reference.byte_size > size - reference.offset) {
    return base::fail(Code::kInvalidArgument,
                      "Invalid offset + byte size for shared memory region: '" + name + "'");
  }
  return {};
}

}  // namespace

RegionUse& RegionUse::operator=(RegionUse&& other) noexcept {
  if (this != &other) {
    end();
    table_ = std::move(other.table_);
    region_ = std::move(other.region_);
    bytes_ = other.bytes_;
  }
  return *this;
}

bool RegionUse::intact() const {
  if (bytes_.empty()) return true;
  const auto end = bytes_.data() + bytes_.size() - region_->data();
  return region_->reaches(static_cast<std::uint64_t>(end));
}

void RegionUse::end() {
  if (const auto table = std::move(table_)) table->end_use(std::move(region_));
}

base::Status RegionTable::vacant(const std::string& name) const {
  if (entries_.contains(name)) {
    return base::fail(Code::kAlreadyExists,
                      "shared memory region '" + name + "' already in manager");
  }
  if (entries_.size() < max_regions_) return {};
  return base::fail(Code::kResourceExhausted, "failed to register shared memory region '" + name +
                                                  "': there are " + std::to_string(max_regions_) +
                                                  " regions already");
}

base::Status RegionTable::check_vacant(const std::string& name) const {
  std::lock_guard lock(mutex_);
  return vacant(name);
}

base::Status RegionTable::add(std::shared_ptr<Region> region) {
  std::lock_guard lock(mutex_);
  if (auto status = vacant(region->name()); !status) return status;
  const std::string& name = region->name();
  entries_.emplace(name, Entry{.region = std::move(region)});
  return {};
}

std::shared_ptr<const Region> RegionTable::find(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto entry = entries_.find(name);
  return entry == entries_.end() ? nullptr : entry->second.region;
}

std::vector<std::shared_ptr<const Region>> RegionTable::list(RegionKind kind) const {
  std::vector<std::shared_ptr<const Region>> regions;
  std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : entries_) {
    if (entry.region->kind() == kind) regions.push_back(entry.region);
  }
  return regions;
}

std::vector<std::shared_ptr<Region>> RegionTable::take(RegionKind kind, const std::string& name) {
  std::vector<std::shared_ptr<Region>> taken;
  std::lock_guard lock(mutex_);
  if (!name.empty()) {
    const auto entry = entries_.find(name);
    if (entry != entries_.end() && entry->second.region->kind() == kind) take(entry, taken);
    return taken;
  }
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    entry = entry->second.region->kind() == kind ? take(entry, taken) : std::next(entry);
  }
  return taken;
}

RegionTable::Entries::iterator RegionTable::take(Entries::iterator entry,
                                                 std::vector<std::shared_ptr<Region>>& taken) {
  if (entry->second.uses > 0) {
    entry->second.leaving = true;
    return std::next(entry);
  }
  taken.push_back(std::move(entry->second.region));
  return entries_.erase(entry);
}

base::Result<RegionUse> RegionTable::use(const SharedMemoryRef& reference) {
  std::unique_lock lock(mutex_);
  const auto entry = entries_.find(reference.region);
  // One that is leaving takes no new users, or busy clients could hold it for ever.
  if (entry == entries_.end() || entry->second.leaving) {
    return base::fail(Code::kNotFound,
                      "Unable to find shared memory region: '" + reference.region + "'");
  }
  const std::shared_ptr<Region>& region = entry->second.region;
  if (auto status = check_bounds(reference, region->byte_size()); !status) {
    return std::unexpected(std::move(status.error()));
  }
  ++entry->second.uses;
  RegionUse use(shared_from_this(), region);
  lock.unlock();
  use.bytes_ = {use.region_->data() + reference.offset, reference.byte_size};
  if (use.intact()) return use;
  return base::fail(Code::kInvalidArgument,
                    "Invalid offset + byte size for shared memory region: '" + reference.region +
                        "' (the object was made smaller after it was registered)");
}

void RegionTable::end_use(std::shared_ptr<Region> region) {
  {
    std::lock_guard lock(mutex_);
    const auto entry = entries_.find(region->name());
    if (--entry->second.uses > 0 || !entry->second.leaving) return;
    entries_.erase(entry);
  }
  // Nobody is left to tell.
  (void)close_region(std::move(region));
}

base::Status close_region(std::shared_ptr<Region> region) {
  // Out of the table nobody can become an owner, so a count of one stays one.
  return region.use_count() == 1 ? region->close() : base::Status();
}

}  // namespace tfe::kserve
