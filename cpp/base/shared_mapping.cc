#include "base/shared_mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace tfe::base {
namespace {

std::unexpected<Error> invalid(std::string_view field, int fd, const std::string& why) {
  return fail(Code::kInvalidArgument, std::string(field) + ' ' + std::to_string(fd) + ": " + why);
}

std::string last_error() { return std::generic_category().message(errno); }

}  // namespace

Result<SharedMapping> SharedMapping::map(std::string_view field, int fd, std::size_t offset,
                                         std::size_t size) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return invalid(field, fd, last_error());
  // A store behind the end of the file would kill the process.
  const auto length = static_cast<std::uint64_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size == 0 || length < size || offset > length - size) {
    return invalid(field, fd,
                   "expected a file with " + std::to_string(size) + " bytes at offset " +
                       std::to_string(offset));
  }
  void* data =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(offset));
  if (data == MAP_FAILED) return invalid(field, fd, last_error());
  return SharedMapping(data, size);
}

Result<SharedMapping> SharedMapping::map_all(std::string_view field, int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return invalid(field, fd, last_error());
  if (info.st_size <= 0) return invalid(field, fd, "expected a file that is not empty");
  return map(field, fd, 0, static_cast<std::size_t>(info.st_size));
}

SharedMapping::~SharedMapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

}  // namespace tfe::base
