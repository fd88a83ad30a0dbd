#include "triton/elf.h"

#include <dlfcn.h>
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "triton/core_fixture.h"
#include "triton/loader.h"

namespace tfe::triton {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ElfTest, ReadsTheCoreLibrary) {
  const std::string path = tfe::testing::require_env("TRITONFRONTEND_TEST_LIBRARY");
  const auto info = read_elf(path);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_THAT(info->soname, StartsWith("libtritonserver"));
  EXPECT_THAT(info->needed, Contains(StartsWith("libc.so")));
}

TEST(ElfTest, ReadsWhatItMakes) {
  const auto bytes = make_alias_library(EM_X86_64, "libalias.so", "libreal-1234.so");
  const auto info = parse_elf(bytes, "alias");
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->machine, EM_X86_64);
  EXPECT_EQ(info->soname, "libalias.so");
  EXPECT_THAT(info->needed, ElementsAre("libreal-1234.so"));
}

TEST(ElfTest, EveryTruncationIsAnError) {
  const auto bytes = make_alias_library(EM_X86_64, "libalias.so", "libreal-1234.so");
  for (std::size_t size = 0; size + 1 < bytes.size(); ++size) {
    EXPECT_FALSE(parse_elf(base::Bytes(bytes).first(size), "cut")) << size;
  }
}

TEST(ElfTest, NoCorruptByteReadsOutside) {
  // The sanitizers judge; whether the result is an error depends on the byte.
  const auto bytes = make_alias_library(EM_X86_64, "libalias.so", "libreal-1234.so");
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const unsigned value : {0x00U, 0x7fU, 0xffU}) {
      auto corrupt = bytes;
      corrupt[i] = static_cast<std::byte>(value);
      (void)parse_elf(corrupt, "corrupt");
    }
  }
}

TEST(ElfTest, OtherFilesAreRefusedByName) {
  tfe::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/text.so";
  tfe::testing::write_file(path, "not a library");
  const auto info = read_elf(path);
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, base::Code::kInvalidArgument);
  EXPECT_THAT(info.error().message, HasSubstr(path));
  EXPECT_FALSE(read_elf(directory.path()));
  EXPECT_FALSE(read_elf(directory.path() + "/missing.so"));
}

// The loader of the C library accepts the made file, both from a directory and from memory, and
// finds the symbols of the library that it names through it.
class AliasTest : public ::testing::TestWithParam<bool> {};

TEST_P(AliasTest, LoadsAndResolves) {
  Dl_info libm{};
  void* real = ::dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(real, nullptr);
  ASSERT_NE(::dladdr(::dlsym(real, "cos"), &libm), 0);
  const auto info = read_elf(libm.dli_fname);
  ASSERT_TRUE(info) << info.error().message;

  tfe::testing::TemporaryDirectory directory;
  const std::string name = GetParam() ? "libalias-file.so" : "libalias-memory.so";
  const auto status =
      load_alias(info->machine, name, "libm.so.6", GetParam() ? directory.path() : std::string());
  ASSERT_TRUE(status) << status.error().message;
  void* alias = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  ASSERT_NE(alias, nullptr);
  EXPECT_EQ(::dlsym(alias, "cos"), ::dlsym(real, "cos"));
  EXPECT_EQ(::dlsym(RTLD_DEFAULT, "TRITONSERVER_ApiVersion"), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Places, AliasTest, ::testing::Values(true, false));

TEST(LoaderTest, AnUnwritableDirectoryFallsBackToMemory) {
  const auto info = read_elf(tfe::testing::require_env("TRITONFRONTEND_TEST_LIBRARY"));
  ASSERT_TRUE(info);
  EXPECT_TRUE(load_alias(info->machine, "libalias-fallback.so", "libm.so.6", "/nonexistent/dir"));
  EXPECT_NE(::dlopen("libalias-fallback.so", RTLD_NOW | RTLD_NOLOAD), nullptr);
}

}  // namespace
}  // namespace tfe::triton
