#include "triton/cuda_runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "triton/fake_cuda.h"

namespace tfe::triton {
namespace {

using ::testing::HasSubstr;
using tfe::testing::fake_cuda_path;
using tfe::testing::FakeCuda;
using tfe::testing::ShmObject;
using tfe::testing::unwrap;

TEST(CudaRuntimeTest, OpensAndClosesMemoryOfAnotherProcess) {
  const FakeCuda fake;
  const CudaRuntime runtime = unwrap(CudaRuntime::open({fake_cuda_path()}));
  ShmObject memory(8192);
  memory.put(0, "device");
  const int before = fake.open_mappings();
  const CudaMapping mapping = unwrap(runtime.open_memory(memory.handle(), 1));
  EXPECT_EQ(mapping.size, 8192U);
  EXPECT_EQ(mapping.device, 1);
  EXPECT_EQ(std::memcmp(mapping.data, "device", 6), 0);
  EXPECT_EQ(fake.open_mappings(), before + 1);
  EXPECT_EQ(fake.device(), 0) << "the thread's device is as it was";
  EXPECT_TRUE(runtime.close_memory(mapping));
  EXPECT_EQ(fake.open_mappings(), before);
  EXPECT_EQ(fake.device(), 0);
}

TEST(CudaRuntimeTest, ErrorsCarryTheRuntimesText) {
  const FakeCuda fake;
  const CudaRuntime runtime = unwrap(CudaRuntime::open({fake_cuda_path()}));
  const auto unknown = runtime.open_memory(ShmObject::handle_of("/nothing"), 0);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, base::Code::kInvalidArgument);
  EXPECT_EQ(unknown.error().message, "cudaIpcOpenMemHandle: invalid resource handle");
  EXPECT_EQ(fake.last_error(), 0) << "the next call of the thread must not report it";

  const auto device = runtime.open_memory(ShmObject::handle_of("/nothing"), 2);
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().message, "cudaSetDevice: invalid device ordinal");

  const auto huge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_FALSE(runtime.open_memory(ShmObject::handle_of("/nothing"), huge));

  const CudaMapping stuck = unwrap(runtime.open_memory(ShmObject::handle_of("stuck"), 0));
  const auto closed = runtime.close_memory(stuck);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, base::Code::kInternal);
  EXPECT_EQ(closed.error().message, "cudaIpcCloseMemHandle: invalid argument");
}

TEST(CudaRuntimeTest, WhatIsMissingIsNamed) {
  const auto none = CudaRuntime::open({"libtfe_none.so.1", "libtfe_none.so.2"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, base::Code::kUnsupported);
  EXPECT_EQ(none.error().message,
            "no CUDA runtime library was found (looked for libtfe_none.so.1, libtfe_none.so.2)");

  const auto other = CudaRuntime::open({"libtfe_none.so.1", "libm.so.6"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().message, "'libm.so.6' has no function cudaGetDevice");

  EXPECT_TRUE(CudaRuntime::open({"libtfe_none.so.1", "libm.so.6", fake_cuda_path()}));
}

TEST(CudaRuntimeTest, FindsOneThatIsLoaded) {
  const FakeCuda fake;
  const auto found = CudaRuntime::find();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, unwrap(CudaRuntime::find())) << "once found it stays";
}

}  // namespace
}  // namespace tfe::triton
