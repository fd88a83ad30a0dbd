// Regions of device memory, on the fake CUDA runtime.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kserve/memory_checks.h"
#include "kserve/shared_memory.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve {
namespace {

using ::testing::IsEmpty;
using tfe::testing::FakeCuda;
using tfe::testing::ShmObject;
using tfe::testing::unwrap;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(CudaMemoryTest, IsUsedAndClosed) {
  const FakeCuda fake;
  SharedMemory memory;
  ShmObject object(8192);
  const int before = fake.open_mappings();
  ASSERT_TRUE(memory.register_cuda("g", {object.handle(), 1, 8000}));
  {
    const RegionUse use = unwrap(memory.use({"g", 8, 16}));
    EXPECT_EQ(use.place().type, triton::MemoryType::kGpu);
    EXPECT_EQ(use.place().id, 1);
    ASSERT_NE(use.ipc_handle(), nullptr);
    EXPECT_EQ(*use.ipc_handle(), object.handle());
    ASSERT_TRUE(memory.unregister(RegionKind::kCuda, "g"));
    EXPECT_EQ(fake.open_mappings(), before + 1);
  }
  EXPECT_EQ(fake.open_mappings(), before);
}

TEST(CudaMemoryTest, WhatCannotBeOpened) {
  const FakeCuda fake;
  SharedMemory memory;
  ShmObject object(4096);
  const int before = fake.open_mappings();
  expect_error(memory.register_cuda("g", {ShmObject::handle_of("/tfe_none"), 0, 1}),
               base::Code::kInvalidArgument,
               "failed to register shared memory region: invalid args (cudaIpcOpenMemHandle: "
               "invalid resource handle)");
  expect_error(memory.register_cuda("g", {object.handle(), 7, 1}), base::Code::kInvalidArgument,
               "failed to register shared memory region: invalid args (cudaSetDevice: invalid "
               "device ordinal)");
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{4097}, kMax}) {
    expect_error(memory.register_cuda("g", {object.handle(), 0, size}),
                 base::Code::kInvalidArgument,
                 "failed to register shared memory region 'g': invalid args");
  }
  EXPECT_EQ(fake.open_mappings(), before);
}

TEST(CudaMemoryTest, WhatCannotBeClosed) {
  const FakeCuda fake;
  SharedMemory memory;
  ShmObject object(4096);
  ASSERT_TRUE(memory.register_cuda("a", {ShmObject::handle_of("stuck"), 0, 1}));
  ASSERT_TRUE(memory.register_cuda("b", {object.handle(), 0, 1}));
  ASSERT_TRUE(memory.register_cuda("c", {ShmObject::handle_of("stuck"), 0, 1}));
  expect_error(memory.unregister(RegionKind::kCuda, ""), base::Code::kInternal,
               "Failed to unregister the following cuda shared memory regions: a ,c ,");
  EXPECT_THAT(names(memory, RegionKind::kCuda), IsEmpty());
}

}  // namespace
}  // namespace tfe::kserve
