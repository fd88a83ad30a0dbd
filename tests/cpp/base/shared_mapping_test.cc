#include "base/shared_mapping.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>

#include "base/unique_fd.h"

namespace tfe::base {
namespace {

constexpr std::size_t kPage = 4096;

class SharedMappingTest : public testing::Test {
 protected:
  SharedMappingTest() : file(::memfd_create("shared", MFD_CLOEXEC)) {
    EXPECT_EQ(::ftruncate(file.get(), 2 * kPage), 0);
  }
  std::string refusal(int fd, std::size_t offset, std::size_t size) const {
    const auto mapping = SharedMapping::map("field", fd, offset, size);
    return mapping ? "" : mapping.error().message;
  }

  UniqueFd file;
};

TEST_F(SharedMappingTest, BytesAreThoseOfTheFile) {
  auto mapping = SharedMapping::map("field", file.get(), kPage, kPage);
  ASSERT_TRUE(mapping);
  mapping->data()[1] = std::byte{'x'};
  char byte = 0;
  ASSERT_EQ(::pread(file.get(), &byte, 1, kPage + 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(SharedMappingTest, AllOfTheFileOutlivesItsDescriptor) {
  auto mapping = SharedMapping::map_all("field", file.get());
  ASSERT_TRUE(mapping);
  file.reset();
  const SharedMapping moved = std::move(*mapping);
  EXPECT_EQ(moved.size(), 2 * kPage);
  EXPECT_EQ(moved.data()[2 * kPage - 1], std::byte{0});
}

TEST_F(SharedMappingTest, RefusalsNameTheFieldAndWhatWasExpected) {
  EXPECT_EQ(
      refusal(file.get(), kPage, 2 * kPage),
      "field " + std::to_string(file.get()) + ": expected a file with 8192 bytes at offset 4096");
  EXPECT_NE(refusal(file.get(), 3 * kPage, kPage), "");
  EXPECT_NE(refusal(file.get(), 0, 0), "");
  EXPECT_NE(refusal(file.get(), 1, kPage), "") << "not at a page";
  EXPECT_EQ(refusal(-1, 0, kPage), "field -1: Bad file descriptor");
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const UniqueFd in(pipe[0]);
  const UniqueFd out(pipe[1]);
  EXPECT_NE(refusal(in.get(), 0, kPage), "") << "no file";
  ASSERT_EQ(::ftruncate(file.get(), 0), 0);
  EXPECT_FALSE(SharedMapping::map_all("field", file.get()));
}

}  // namespace
}  // namespace tfe::base
