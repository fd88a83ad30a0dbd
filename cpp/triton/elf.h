// The little of ELF64 that finding and naming libraries needs: what a shared object is called and
// what it needs, and an empty one that gives another library a second name.
//
// The reader trusts nothing in the file: every offset is checked against the file's size.
// Formats: System V ABI, "Dynamic Section".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace tfe::triton {

struct ElfInfo {
  std::uint16_t machine = 0;        // e_machine
  std::string soname;               // empty if it has none
  std::vector<std::string> needed;  // DT_NEEDED in file order
};

// Reads a 64-bit little-endian shared object. Fails with kInvalidArgument naming the path.
base::Result<ElfInfo> read_elf(const std::string& path);
// The same on bytes in memory; `name` is for error texts.
base::Result<ElfInfo> parse_elf(base::Bytes file, const std::string& name);

// A shared object without code that is called `soname` and needs `needed`: once it is loaded, other
// libraries that need `soname` find the symbols of `needed` through it.
std::vector<std::byte> make_alias_library(std::uint16_t machine, const std::string& soname,
                                          const std::string& needed);

}  // namespace tfe::triton
