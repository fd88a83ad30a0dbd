// The Triton core as an opened library: found by the caller, opened once per process, never closed
// (its threads and its process-wide state outlive every server).
//
// Everything is opened RTLD_LOCAL: with RTLD_GLOBAL the core's own copies of OpenSSL and others
// would be bound by libraries that are loaded later. Library is immutable after open(); any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "triton/api.h"

namespace tfe::triton {

struct LibraryLocation {
  // The server library's file. Empty: only a copy that this process has loaded already will do.
  std::string library_path;
  // Libraries that the core will load later (e.g. libtriton_python.so) and whose needed libraries
  // lie beside the server library under names that the loader does not find by itself.
  std::vector<std::string> preload_roots;
  // A private, writable directory for the alias library of name libtritonserver.so. Empty: memory.
  std::string shim_directory;
};

class Library {
 public:
  // The first successful call decides; later calls return the same object. Fails with
  // - kNotFound if the file is missing, or no path was given and no copy is loaded,
  // - kInvalidArgument if the file is no library, or is another core than the one already loaded
  //   (two cores in one process would share names and memory managers),
  // - kUnavailable with the loader's text if it cannot be opened,
  // - kUnsupported if it lacks a function that is required.
  static base::Result<std::shared_ptr<const Library>> open(const LibraryLocation& location);

  // Path of a Triton core that is loaded in this process, by us or by somebody else (NVIDIA's
  // tritonserver package).
  static std::optional<std::string> find_loaded();

  const Api& api() const { return api_; }
  const std::string& path() const { return path_; }
  // Version of the C API, e.g. 1 and 34. A feature is asked for by its function, not by version.
  std::uint32_t api_major() const { return api_major_; }
  std::uint32_t api_minor() const { return api_minor_; }
  // The process's one response allocator; responses refer to it until they are deleted.
  TRITONSERVER_ResponseAllocator* allocator() const { return allocator_; }

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

 private:
  Library() = default;
  static base::Result<std::shared_ptr<const Library>> load(const LibraryLocation& location);
  base::Status bind(void* handle);

  Api api_;
  std::string path_;
  std::uint32_t api_major_ = 0;
  std::uint32_t api_minor_ = 0;
  TRITONSERVER_ResponseAllocator* allocator_ = nullptr;
};

}  // namespace tfe::triton
