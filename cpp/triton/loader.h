// Opening shared libraries whose neighbours the dynamic loader would not find: the pieces of
// Library::open that deal with files and dlopen, and know nothing of Triton's API.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace tfe::triton {

// Opens `path` RTLD_NOW | RTLD_LOCAL. Fails with kUnavailable and the loader's text.
base::Result<void*> open_local(const std::string& path);

// Opens, leaves first, every library that `roots` need, directly or not, and that lies in
// `directory`. Names that are loaded already are left alone. The roots themselves are not opened.
base::Status preload_needed(const std::vector<std::string>& roots, const std::string& directory);

// Makes the library called `soname` known under the name `alias` too, through an empty library of
// that name in `directory` (a file) or, if that is empty or not writable, in memory.
base::Status load_alias(std::uint16_t machine, const std::string& alias, const std::string& soname,
                        const std::string& directory);

// Paths of the loaded libraries whose file name begins with `prefix`.
std::vector<std::string> loaded_libraries(const std::string& prefix);

}  // namespace tfe::triton
