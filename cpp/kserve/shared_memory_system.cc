// SystemRegion: POSIX shared memory objects (shm_open(3)).
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "kserve/shared_memory_region.h"

namespace tfe::kserve {

namespace {

using base::Code;

std::unexpected<base::Error> cannot_register(Code code, const std::string& name,
                                             const std::string& reason) {
  return base::fail(code, "failed to register shared memory region '" + name + "': " + reason);
}

base::Result<base::UniqueFd> open_object(const std::string& key) {
  // What glibc refuses too, but POSIX leaves open: a name that is a path.
  const bool path = object_name(key).find('/') != std::string_view::npos;
  base::UniqueFd fd(path ? -1 : ::shm_open(key.c_str(), O_RDWR, 0));
  if (!fd) return base::fail(Code::kInternal, "Unable to open shared memory region: '" + key + "'");
  return fd;
}

base::Result<std::uint64_t> object_size(int fd, const std::string& key) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0) {
    return base::fail(Code::kInternal, "Invalid shared memory region: '" + key + "'");
  }
  return static_cast<std::uint64_t>(info.st_size);
}

std::uint64_t offset_in_page(std::uint64_t offset) {
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return offset % page;
}

// Whether the byte can be read. The unknown operation makes the call fail, but it reads the signal
// set first: EFAULT from the kernel instead of SIGBUS from the processor. Compared with fstat() it
// needs no descriptor per region, of which processes are granted far fewer than mappings.
bool exists(const std::byte* address) {
  constexpr int kUnknownOperation = -1;
  constexpr std::size_t kSetSize = 8;  // of the kernel's signal set; alignment keeps it in one page
  const auto set = reinterpret_cast<std::uintptr_t>(address) & ~(kSetSize - 1);
  return ::syscall(SYS_rt_sigprocmask, kUnknownOperation, set, nullptr, kSetSize) == 0 ||
         errno != EFAULT;
}

}  // namespace

std::string_view object_name(std::string_view key) {
  key.remove_prefix(std::min(key.find_first_not_of('/'), key.size()));
  return key;
}

base::Result<std::shared_ptr<Region>> SystemRegion::map(const std::string& name,
                                                        const SystemRegionSource& source) {
  auto fd = open_object(source.key);
  if (!fd) return std::unexpected(std::move(fd.error()));
  const auto size = object_size(fd->get(), source.key);
  if (!size) return std::unexpected(size.error());
  if (source.offset > *size || source.byte_size > *size - source.offset) {
    return cannot_register(Code::kInvalidArgument, name, "invalid args");
  }
  // Nothing to map, which mmap() would refuse only where the offset is aligned.
  int error = EINVAL;
  void* pages = MAP_FAILED;
  const std::uint64_t skipped = offset_in_page(source.offset);
  const std::uint64_t length = skipped + source.byte_size;
  if (source.byte_size > 0) {
    pages = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(),
                   static_cast<off_t>(source.offset - skipped));
    error = errno;
  }
  if (pages == MAP_FAILED) {
    return cannot_register(Code::kInvalidArgument, name,
                           std::string("unable to process address space: ") + std::strerror(error));
  }
  return std::shared_ptr<Region>(
      new SystemRegion(name, source, {static_cast<std::byte*>(pages), length}));
}

SystemRegion::SystemRegion(const std::string& name, const SystemRegionSource& source,
                           base::MutableBytes mapping)
    : Region(name, source.byte_size, mapping.data() + offset_in_page(source.offset)),
      source_(source),
      mapping_(mapping) {}

SystemRegion::~SystemRegion() { (void)close(); }

bool SystemRegion::reaches(std::uint64_t end) const { return exists(data() + end - 1); }

base::Status SystemRegion::close() {
  const base::MutableBytes mapping = std::exchange(mapping_, {});
  if (mapping.empty() || ::munmap(mapping.data(), mapping.size()) == 0) return {};
  return base::fail(Code::kInternal, std::string("munmap: ") + std::strerror(errno));
}

}  // namespace tfe::kserve
