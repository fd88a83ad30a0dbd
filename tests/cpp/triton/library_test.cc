// Each test runs in a process of its own (ctest): the core is opened once per process, and several
// of these need one without it.
#include "triton/library.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "triton/core_fixture.h"
#include "triton/loader.h"

namespace tfe::triton {
namespace {

using ::testing::HasSubstr;
using tfe::testing::require_env;
using tfe::testing::TemporaryDirectory;
using tfe::testing::test_library;

base::Error open_error(const LibraryLocation& location) {
  auto library = Library::open(location);
  EXPECT_FALSE(library);
  return library ? base::Error{} : library.error();
}

TEST(LibraryTest, OpensOnceForTheProcess) {
  EXPECT_EQ(Library::find_loaded(), std::nullopt);
  const auto library = test_library();
  EXPECT_EQ(library->api_major(), 1U);
  EXPECT_GE(library->api_minor(), 18U);
  EXPECT_NE(library->allocator(), nullptr);
  EXPECT_EQ(test_library(), library);
  EXPECT_EQ(*Library::open({}), library);
  ASSERT_TRUE(Library::find_loaded());
  EXPECT_TRUE(std::filesystem::equivalent(*Library::find_loaded(), library->path()));
}

TEST(LibraryTest, LeavesTheGlobalScopeAlone) {
  test_library();
  EXPECT_EQ(::dlsym(RTLD_DEFAULT, "TRITONSERVER_ApiVersion"), nullptr);
}

TEST(LibraryTest, ThePlainNameIsKnown) {
  test_library();
  void* plain = ::dlopen("libtritonserver.so", RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(plain, nullptr);
  EXPECT_NE(::dlsym(plain, "TRITONSERVER_ApiVersion"), nullptr);
}

TEST(LibraryTest, MissingFileIsNamed) {
  LibraryLocation location;
  location.library_path = "/nonexistent/libtritonserver.so";
  const base::Error error = open_error(location);
  EXPECT_EQ(error.code, base::Code::kNotFound);
  EXPECT_THAT(error.message, HasSubstr("/nonexistent/libtritonserver.so"));
}

TEST(LibraryTest, NothingLoadedAndNoPath) { EXPECT_EQ(open_error({}).code, base::Code::kNotFound); }

TEST(LibraryTest, AFileThatIsNoLibrary) {
  TemporaryDirectory directory;
  LibraryLocation location;
  location.library_path = directory.path() + "/libtritonserver.so";
  tfe::testing::write_file(location.library_path, std::string(4096, 'x'));
  EXPECT_EQ(open_error(location).code, base::Code::kInvalidArgument);
}

TEST(LibraryTest, AnotherLibraryIsNoCore) {
  Dl_info libm{};
  ASSERT_NE(::dladdr(::dlsym(::dlopen("libm.so.6", RTLD_NOW), "cos"), &libm), 0);
  LibraryLocation location;
  location.library_path = libm.dli_fname;
  const base::Error error = open_error(location);
  EXPECT_EQ(error.code, base::Code::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("TRITONSERVER_"));
}

TEST(LibraryTest, ASecondCoreIsRefused) {
  test_library();
  TemporaryDirectory directory;
  LibraryLocation location;
  location.library_path = directory.path() + "/libtritonserver.so";
  tfe::testing::write_file(location.library_path, "another core");
  const base::Error error = open_error(location);
  EXPECT_EQ(error.code, base::Code::kInvalidArgument);
  EXPECT_THAT(error.message, HasSubstr("already loaded"));
}

TEST(LibraryTest, ACopyLoadedByOthersIsUsed) {
  // NVIDIA's package links the core; a plain open after its neighbours stands for that.
  const std::string path = require_env("TRITONFRONTEND_TEST_LIBRARY");
  ASSERT_TRUE(preload_needed({path}, std::filesystem::path(path).parent_path()));
  ASSERT_NE(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), nullptr);
  const auto library = Library::open({});
  ASSERT_TRUE(library) << library.error().message;
  EXPECT_TRUE(std::filesystem::equivalent((*library)->path(), path));
}

TEST(ApiTest, AMissingFunctionTurnsOffOneFeature) {
  const auto library = test_library();
  Api api = library->api();
  api.ServerPollModelRepository.pointer = nullptr;
  const auto status =
      call(api, api.ServerPollModelRepository, static_cast<TRITONSERVER_Server*>(nullptr));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kUnsupported);
  EXPECT_THAT(status.error().message, HasSubstr("TRITONSERVER_ServerPollModelRepository"));
}

TEST(ApiTest, ErrorsMakeTheRoundTrip) {
  const auto library = test_library();
  for (const base::Code code :
       {base::Code::kUnknown, base::Code::kInternal, base::Code::kNotFound,
        base::Code::kInvalidArgument, base::Code::kUnavailable, base::Code::kUnsupported,
        base::Code::kAlreadyExists, base::Code::kCancelled}) {
    const auto status = take_error(library->api(), make_error(library->api(), {code, "why"}));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, code);
    EXPECT_EQ(status.error().message, "why");
  }
  EXPECT_TRUE(take_error(library->api(), nullptr));
}

}  // namespace
}  // namespace tfe::triton
