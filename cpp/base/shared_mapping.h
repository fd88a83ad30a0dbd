// Memory that processes share through a memory file, mapped for reading and writing.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace tfe::base {

class SharedMapping {
 public:
  // `size` bytes from `offset` on, which must be a multiple of the machine's page size. The
  // descriptor stays its owner's and may be closed. kInvalidArgument "<field> <fd>: ..." for what
  // is no file, too short, or cannot be mapped.
  static Result<SharedMapping> map(std::string_view field, int fd, std::size_t offset,
                                   std::size_t size);
  // All of the file, as large as it is now; an empty one is refused.
  static Result<SharedMapping> map_all(std::string_view field, int fd);

  SharedMapping(SharedMapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SharedMapping& operator=(SharedMapping&&) = delete;
  ~SharedMapping();

  std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  SharedMapping(void* data, std::size_t size) : data_(static_cast<std::byte*>(data)), size_(size) {}

  std::byte* data_;
  std::size_t size_;
};

}  // namespace tfe::base
