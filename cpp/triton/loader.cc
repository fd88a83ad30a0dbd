#include "triton/loader.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <span>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "triton/elf.h"

namespace tfe::triton {

namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), R_OK) == 0; }

// True if a library of this name is loaded. The count that RTLD_NOLOAD adds is kept: nothing here
// is ever unloaded.
bool loaded(const std::string& name) {
  return ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) != nullptr;
}

class Preloader {
 public:
  explicit Preloader(const std::string& directory) : directory_(directory) {}

  // Recursion is bounded by the number of files in the directory: each name is visited once.
  base::Status visit_needed(const std::string& path) {
    auto info = read_elf(path);
    if (!info) return std::unexpected(std::move(info.error()));
    for (const std::string& name : info->needed) {
      if (auto status = visit(name); !status) return status;
    }
    return {};
  }

 private:
  base::Status visit(const std::string& name) {
    if (name.find('/') != std::string::npos || !visited_.insert(name).second) return {};
    const std::string path = directory_ + "/" + name;
    if (!exists(path) || loaded(name)) return {};
    if (auto status = visit_needed(path); !status) return status;
    if (auto handle = open_local(path); !handle) return std::unexpected(handle.error());
    return {};
  }

  const std::string& directory_;
  std::set<std::string> visited_;
};

base::Status write_all(int fd, base::Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return base::fail(base::Code::kUnavailable,
                        std::string("cannot write the alias library: ") + std::strerror(errno));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

base::Status load_alias_file(base::Bytes bytes, const std::string& path) {
  // A fresh file: truncating one that a process has mapped would crash that process.
  ::unlink(path.c_str());
  base::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) {
    return base::fail(base::Code::kUnavailable,
                      "cannot create '" + path + "': " + std::strerror(errno));
  }
  if (auto status = write_all(fd.get(), bytes); !status) return status;
  fd.reset();
  if (auto handle = open_local(path); !handle) return std::unexpected(handle.error());
  return {};
}

base::Status load_alias_memory(base::Bytes bytes, const std::string& name) {
  base::UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC));
  if (!fd) {
    return base::fail(base::Code::kUnavailable,
                      std::string("cannot create a memory file: ") + std::strerror(errno));
  }
  if (auto status = write_all(fd.get(), bytes); !status) return status;
  if (auto handle = open_local("/proc/self/fd/" + std::to_string(fd.get())); !handle) {
    return std::unexpected(handle.error());
  }
  // The loader remembers the path, so the number must never name another file: keep it open.
  fd.release();
  return {};
}

}  // namespace

base::Result<void*> open_local(const std::string& path) {
  if (void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
  const char* reason = ::dlerror();
  return base::fail(base::Code::kUnavailable,
                    "cannot load '" + path + "': " + (reason ? reason : "unknown reason"));
}

base::Status preload_needed(const std::vector<std::string>& roots, const std::string& directory) {
  Preloader preloader(directory);
  for (const std::string& root : roots) {
    if (auto status = preloader.visit_needed(root); !status) return status;
  }
  return {};
}

base::Status load_alias(std::uint16_t machine, const std::string& alias, const std::string& soname,
                        const std::string& directory) {
  if (soname == alias || loaded(alias)) return {};
  const std::vector<std::byte> bytes = make_alias_library(machine, alias, soname);
  if (!directory.empty() && load_alias_file(bytes, directory + "/" + alias)) return {};
  return load_alias_memory(bytes, alias);
}

std::vector<std::string> loaded_libraries(const std::string& prefix) {
  struct Search {
    const std::string& prefix;
    std::vector<std::string> found;
  } search{prefix, {}};
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto* state = static_cast<Search*>(data);
        const std::string path = info->dlpi_name ? info->dlpi_name : "";
        const std::size_t slash = path.rfind('/');
        const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
        if (path.compare(begin, state->prefix.size(), state->prefix) == 0) {
          state->found.push_back(path);
        }
        return 0;
      },
      &search);
  return std::move(search.found);
}

}  // namespace tfe::triton
