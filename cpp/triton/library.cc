#include "triton/library.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>

#include "triton/allocator.h"
#include "triton/elf.h"
#include "triton/loader.h"

namespace tfe::triton {

namespace {

constexpr const char* kPlainName = "libtritonserver.so";
constexpr const char* kNamePrefix = "libtritonserver";

bool same_file(const std::string& a, const std::string& b) {
  struct stat first{};
  struct stat second{};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Fills in and checks the path: the loaded copy, if there is one, is the only one that can be used.
base::Result<std::string> choose_path(const LibraryLocation& location) {
  const std::optional<std::string> loaded = Library::find_loaded();
  if (location.library_path.empty()) {
    if (loaded) return *loaded;
    return base::fail(base::Code::kNotFound, "no Triton core is loaded in this process");
  }
  if (::access(location.library_path.c_str(), F_OK) != 0) {
    return base::fail(base::Code::kNotFound,
                      "Triton core library '" + location.library_path + "' does not exist");
  }
  if (loaded && !same_file(*loaded, location.library_path)) {
    return base::fail(base::Code::kInvalidArgument,
                      "cannot use Triton core '" + location.library_path +
                          "': this process has already loaded '" + *loaded + "'");
  }
  return location.library_path;
}

}  // namespace

std::optional<std::string> Library::find_loaded() {
  for (const std::string& path : loaded_libraries(kNamePrefix)) {
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
    void* symbol = handle ? ::dlsym(handle, "TRITONSERVER_ApiVersion") : nullptr;
    Dl_info info{};
    // An alias library finds the symbol too, in the library that it names.
    if (symbol && ::dladdr(symbol, &info) != 0 && info.dli_fname) return info.dli_fname;
  }
  return std::nullopt;
}

base::Result<std::shared_ptr<const Library>> Library::open(const LibraryLocation& location) {
  static std::mutex mutex;
  static std::shared_ptr<const Library>* opened = nullptr;  // never destroyed
  std::lock_guard lock(mutex);
  if (opened) {
    if (!location.library_path.empty()) {
      if (auto path = choose_path(location); !path) return std::unexpected(path.error());
    }
    return *opened;
  }
  auto library = load(location);
  if (library) opened = new std::shared_ptr<const Library>(*library);
  return library;
}

base::Result<std::shared_ptr<const Library>> Library::load(const LibraryLocation& location) {
  auto path = choose_path(location);
  if (!path) return std::unexpected(std::move(path.error()));
  auto info = read_elf(*path);
  if (!info) return std::unexpected(std::move(info.error()));

  std::vector<std::string> roots = {*path};
  roots.insert(roots.end(), location.preload_roots.begin(), location.preload_roots.end());
  if (auto status = preload_needed(roots, directory_of(*path)); !status) {
    return std::unexpected(std::move(status.error()));
  }
  auto handle = open_local(*path);
  if (!handle) return std::unexpected(std::move(handle.error()));

  std::shared_ptr<Library> library(new Library);
  library->path_ = *path;
  if (auto status = library->bind(*handle); !status) {
    return std::unexpected(std::move(status.error()));
  }
  if (!info->soname.empty()) {
    auto status = load_alias(info->machine, kPlainName, info->soname, location.shim_directory);
    if (!status) return std::unexpected(std::move(status.error()));
  }
  return library;
}

base::Status Library::bind(void* handle) {
  if (auto status = load_api(handle, path_, &api_); !status) return status;
  if (auto status = call(api_, api_.ApiVersion, &api_major_, &api_minor_); !status) return status;
  auto allocator = make_allocator(api_);
  if (!allocator) return std::unexpected(std::move(allocator.error()));
  allocator_ = *allocator;
  return {};
}

}  // namespace tfe::triton
