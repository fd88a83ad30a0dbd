#include "triton/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"

namespace tfe::triton {

namespace {

// Far above any real library; bounds the work for a corrupt file.
constexpr std::size_t kMaxDynamicEntries = 4096;

template <typename T>
std::optional<T> read_at(base::Bytes file, std::uint64_t offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + offset, sizeof(T));
  return value;
}

class Parser {
 public:
  explicit Parser(base::Bytes file) : file_(file) {}

  // Returns why the file cannot be used, or null.
  const char* run(ElfInfo* info) {
    if (const char* problem = read_header(info)) return problem;
    return read_dynamic(info);
  }

 private:
  const char* read_header(ElfInfo* info) {
    const auto header = read_at<Elf64_Ehdr>(file_, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return "not an ELF file";
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
      return "not a 64-bit little-endian ELF file";
    }
    if (header->e_type != ET_DYN) return "not a shared object";
    if (header->e_phentsize != sizeof(Elf64_Phdr)) return "unexpected program header size";
    info->machine = header->e_machine;
    for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
      if (header->e_phoff > file_.size()) return "program headers outside the file";
      const auto segment = read_at<Elf64_Phdr>(file_, header->e_phoff + i * sizeof(Elf64_Phdr));
      if (!segment) return "program headers outside the file";
      if (segment->p_type == PT_LOAD) loads_.push_back(*segment);
      if (segment->p_type == PT_DYNAMIC) dynamic_ = *segment;
    }
    return dynamic_ ? nullptr : "no dynamic section";
  }

  const char* read_dynamic(ElfInfo* info) {
    std::vector<std::uint64_t> needed;
    std::optional<std::uint64_t> soname, table, table_size;
    const std::size_t count = dynamic_->p_filesz / sizeof(Elf64_Dyn);
    if (count > kMaxDynamicEntries) return "dynamic section too large";
    for (std::size_t i = 0; i < count; ++i) {
      if (dynamic_->p_offset > file_.size()) return "dynamic section outside the file";
      const auto entry = read_at<Elf64_Dyn>(file_, dynamic_->p_offset + i * sizeof(Elf64_Dyn));
      if (!entry) return "dynamic section outside the file";
      if (entry->d_tag == DT_NULL) break;
      if (entry->d_tag == DT_NEEDED) needed.push_back(entry->d_un.d_val);
      if (entry->d_tag == DT_SONAME) soname = entry->d_un.d_val;
      if (entry->d_tag == DT_STRTAB) table = file_offset(entry->d_un.d_ptr);
      if (entry->d_tag == DT_STRSZ) table_size = entry->d_un.d_val;
    }
    if (!table || !table_size || *table > file_.size() || *table_size > file_.size() - *table) {
      return "string table outside the file";
    }
    strings_ = base::as_text(file_.subspan(*table, *table_size));
    for (const std::uint64_t offset : needed) {
      const auto name = string_at(offset);
      if (!name) return "string outside the string table";
      info->needed.emplace_back(*name);
    }
    if (soname) {
      const auto name = string_at(*soname);
      if (!name) return "string outside the string table";
      info->soname = *name;
    }
    return nullptr;
  }

  std::optional<std::uint64_t> file_offset(std::uint64_t address) const {
    for (const Elf64_Phdr& load : loads_) {
      if (address >= load.p_vaddr && address - load.p_vaddr < load.p_filesz) {
        return load.p_offset + (address - load.p_vaddr);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string_view> string_at(std::uint64_t offset) const {
    if (offset >= strings_.size()) return std::nullopt;
    const std::size_t end = strings_.find('\0', offset);
    if (end == std::string_view::npos) return std::nullopt;
    return strings_.substr(offset, end - offset);
  }

  base::Bytes file_;
  std::vector<Elf64_Phdr> loads_;
  std::optional<Elf64_Phdr> dynamic_;
  std::string_view strings_;
};

base::Status unreadable(const std::string& path) {
  return base::fail(base::Code::kInvalidArgument,
                    "cannot read library '" + path + "': " + std::strerror(errno));
}

void put(std::vector<std::byte>* file, std::size_t offset, const void* data, std::size_t size) {
  if (file->size() < offset + size) file->resize(offset + size);
  std::memcpy(file->data() + offset, data, size);
}

}  // namespace

base::Result<ElfInfo> parse_elf(base::Bytes file, const std::string& name) {
  ElfInfo info;
  if (const char* problem = Parser(file).run(&info)) {
    return base::fail(base::Code::kInvalidArgument,
                      "'" + name + "' is not a usable shared library: " + problem);
  }
  return info;
}

base::Result<ElfInfo> read_elf(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return std::unexpected(unreadable(path).error());
  if (!S_ISREG(info.st_mode) || info.st_size == 0) {
    return base::fail(base::Code::kInvalidArgument, "library '" + path + "' is not a regular file");
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (map == MAP_FAILED) return std::unexpected(unreadable(path).error());
  auto result = parse_elf({static_cast<const std::byte*>(map), size}, path);
  ::munmap(map, size);
  return result;
}

std::vector<std::byte> make_alias_library(std::uint16_t machine, const std::string& soname,
                                          const std::string& needed) {
  // One readable and writable segment maps the whole file at address 0, so that every address in
  // the dynamic section is also a file offset (the loader of glibc relocates that section in
  // place).
  constexpr std::size_t kSegments = 3;
  constexpr std::size_t kEntries = 8;
  constexpr std::uint64_t kPageAlign = 0x10000;  // the largest page size of aarch64
  constexpr std::size_t kDynamic = sizeof(Elf64_Ehdr) + kSegments * sizeof(Elf64_Phdr);
  constexpr std::size_t kHash = kDynamic + kEntries * sizeof(Elf64_Dyn);
  constexpr std::size_t kSymbols = kHash + 6 * sizeof(Elf64_Word);
  constexpr std::size_t kStrings = kSymbols + sizeof(Elf64_Sym);

  const std::string strings = '\0' + soname + '\0' + needed + '\0';
  std::vector<std::byte> file(kStrings);
  put(&file, kStrings, strings.data(), strings.size());

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_phoff = sizeof(Elf64_Ehdr);
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = kSegments;
  put(&file, 0, &header, sizeof(header));

  const std::uint64_t size = file.size();
  // Without PT_GNU_STACK the loader would make every stack of the process executable.
  const Elf64_Phdr segments[kSegments] = {
      {PT_LOAD, PF_R | PF_W, 0, 0, 0, size, size, kPageAlign},
      {PT_DYNAMIC, PF_R | PF_W, kDynamic, kDynamic, kDynamic, kHash - kDynamic, kHash - kDynamic,
       8},
      {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16},
  };
  put(&file, sizeof(header), segments, sizeof(segments));

  const Elf64_Dyn dynamic[kEntries] = {
      {DT_SONAME, {1}},
      {DT_NEEDED, {2 + soname.size()}},
      {DT_HASH, {kHash}},
      {DT_STRTAB, {kStrings}},
      {DT_STRSZ, {strings.size()}},
      {DT_SYMTAB, {kSymbols}},
      {DT_SYMENT, {sizeof(Elf64_Sym)}},
      {DT_NULL, {0}},
  };
  put(&file, kDynamic, dynamic, sizeof(dynamic));
  // One bucket with an empty chain: bucket count, chain count, bucket 0, chain 0.
  const Elf64_Word hash[4] = {1, 1, 0, 0};
  put(&file, kHash, hash, sizeof(hash));
  return file;
}

}  // namespace tfe::triton
