// The methods of shared memory on real objects of the system and a small stand-in for CUDA.
#include <gtest/gtest.h>

#include "kserve_grpc/service_rig.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve_grpc {
namespace {

using namespace tfe::testing;  // NOLINT: the builders of wire.h

TestServer& core() {
  static auto* const shared = new TestServer({{.name = "ident"}});
  return *shared;
}

class GrpcSharedMemory : public ::testing::Test {
 protected:
  ~GrpcSharedMemory() override {
    check(rig_.memory().unregister(kserve::RegionKind::kSystem, ""));
    check(rig_.memory().unregister(kserve::RegionKind::kCuda, ""));
  }
  Answer call(std::string_view method, const std::string& request = {}) {
    return rig_.call(method, request);
  }
  std::string refusal(std::string_view method, const std::string& request, int status) {
    const Answer answer = call(method, request);
    EXPECT_EQ(answer.status, status) << method;
    return answer.message;
  }
  static std::string system_region(std::string_view name, std::string_view key,
                                   std::uint64_t offset, std::uint64_t size) {
    return bytes_field(1, name) + bytes_field(2, key) + varint_field(3, offset) +
           varint_field(4, size);
  }

  ServiceRig rig_{core().server};
};

TEST_F(GrpcSharedMemory, SystemRegionsComeAndGo) {
  ShmObject object(4096);
  EXPECT_EQ(call("SystemSharedMemoryStatus").body, "");
  const Answer registered =
      call("SystemSharedMemoryRegister", system_region("r", object.key(), 8, 64));
  EXPECT_EQ(registered.status, 0) << registered.message;
  EXPECT_EQ(registered.body, "");
  const std::string status = map_field(1, "r", system_region("r", object.key(), 8, 64));
  EXPECT_EQ(call("SystemSharedMemoryStatus").body, status);
  EXPECT_EQ(call("SystemSharedMemoryStatus", bytes_field(1, "r")).body, status);
  EXPECT_EQ(refusal("SystemSharedMemoryRegister", system_region("r", object.key(), 0, 1), 6),
            "shared memory region 'r' already in manager");
  EXPECT_EQ(refusal("CudaSharedMemoryStatus", bytes_field(1, "r"), 5),
            "The region named 'r' is registered as system shared memory, not CUDA shared memory");
  EXPECT_EQ(call("CudaSharedMemoryUnregister", bytes_field(1, "r")).status, 0);
  EXPECT_EQ(call("SystemSharedMemoryStatus").body, status);
  EXPECT_EQ(call("SystemSharedMemoryUnregister", bytes_field(1, "r")).status, 0);
  EXPECT_EQ(call("SystemSharedMemoryUnregister", bytes_field(1, "r")).status, 0);
  EXPECT_EQ(refusal("SystemSharedMemoryStatus", bytes_field(1, "r"), 5),
            "Unable to find system shared memory region: 'r'");
}

TEST_F(GrpcSharedMemory, AnEmptyNameIsANameAndMeansAll) {
  ShmObject object(64);
  EXPECT_EQ(call("SystemSharedMemoryRegister", system_region("", object.key(), 0, 64)).status, 0);
  EXPECT_EQ(call("SystemSharedMemoryRegister", system_region("b", object.key(), 0, 64)).status, 0);
  EXPECT_EQ(values(call("SystemSharedMemoryStatus").body, 1).size(), 2U);
  EXPECT_EQ(call("SystemSharedMemoryUnregister").status, 0);
  EXPECT_EQ(call("SystemSharedMemoryStatus").body, "");
}

TEST_F(GrpcSharedMemory, SystemRegionsThatAreRefused) {
  ShmObject object(100);
  const auto text = [this](std::string_view key, std::uint64_t offset, std::uint64_t size) {
    return refusal("SystemSharedMemoryRegister", system_region("r", key, offset, size), 3);
  };
  EXPECT_EQ(text("", 0, 1), "cannot register shared memory region 'r' - invalid shm key ''");
  EXPECT_EQ(text("//triton_python_backend_shm_region_1", 0, 1),
            "cannot register shared memory region 'r' with key "
            "'//triton_python_backend_shm_region_1' as the key contains the reserved prefix "
            "'triton_python_backend_shm_region_'");
  const std::string invalid = "failed to register shared memory region 'r': invalid args";
  EXPECT_EQ(text(object.key(), 50, 51), invalid);
  EXPECT_EQ(text(object.key(), UINT64_MAX, 2), invalid);
  EXPECT_EQ(refusal("SystemSharedMemoryRegister", system_region("r", "/tfe_none", 0, 1), 13),
            "Unable to open shared memory region: '/tfe_none'");
  EXPECT_EQ(call("SystemSharedMemoryStatus").body, "");
}

std::string cuda_region(const std::string& handle, std::int64_t device, std::uint64_t size) {
  return bytes_field(1, "c") + bytes_field(2, handle) +
         varint_field(3, static_cast<std::uint64_t>(device)) + varint_field(4, size);
}

TEST_F(GrpcSharedMemory, CudaHandlesMustBeWhole) {
  EXPECT_EQ(refusal("CudaSharedMemoryRegister", cuda_region("short", 0, 1), 3),
            "failed to register shared memory region 'c': invalid args (raw_handle has 5 bytes, "
            "expected the 64 of a cudaIpcMemHandle_t)");
  EXPECT_EQ(refusal("CudaSharedMemoryRegister", cuda_region(std::string(65, 'x'), 0, 1), 3),
            "failed to register shared memory region 'c': invalid args (raw_handle has 65 bytes, "
            "expected the 64 of a cudaIpcMemHandle_t)");
  EXPECT_EQ(refusal("CudaSharedMemoryRegister", cuda_region(std::string(64, 'x'), -1, 1), 3),
            "failed to register shared memory region 'c': invalid args (device_id is -1, expected "
            ">= 0)");
}

TEST_F(GrpcSharedMemory, CudaRegionsComeAndGo) {
  const FakeCuda fake;
  ShmObject object(4096);
  const auto handle = object.handle();
  const std::string bytes(reinterpret_cast<const char*>(handle.data()), handle.size());
  const Answer registered = call("CudaSharedMemoryRegister", cuda_region(bytes, 1, 100));
  EXPECT_EQ(registered.status, 0) << registered.message;
  EXPECT_EQ(call("CudaSharedMemoryStatus").body,
            map_field(1, "c", bytes_field(1, "c") + varint_field(2, 1) + varint_field(3, 100)));
  EXPECT_EQ(refusal("SystemSharedMemoryStatus", bytes_field(1, "c"), 5),
            "The region named 'c' is registered as CUDA shared memory, not system shared memory");
  EXPECT_EQ(call("CudaSharedMemoryUnregister", bytes_field(1, "c")).status, 0);
  EXPECT_EQ(call("CudaSharedMemoryStatus").body, "");
}

TEST_F(GrpcSharedMemory, BrokenMessagesAreRefused) {
  for (const char* method :
       {"SystemSharedMemoryStatus", "SystemSharedMemoryRegister", "SystemSharedMemoryUnregister",
        "CudaSharedMemoryStatus", "CudaSharedMemoryRegister", "CudaSharedMemoryUnregister"}) {
    EXPECT_EQ(refusal(method, bytes_field(1, "\xFF"), 13), "Unable to parse request");
  }
}

TEST(GrpcSharedMemoryOff, ChangesAreRefusedAndStatusIsNot) {
  ServiceRig rig(core().server, [](Context& context) { context.options.allow_client_shm = false; });
  for (const char* method : {"SystemSharedMemoryRegister", "SystemSharedMemoryUnregister",
                             "CudaSharedMemoryRegister", "CudaSharedMemoryUnregister"}) {
    const Answer answer = rig.call(method);
    EXPECT_EQ(answer.status, 12) << method;
    EXPECT_EQ(answer.message,
              "Client shared memory is disabled. Start the server with '--allow-client-shm=true' "
              "to enable.");
  }
  EXPECT_EQ(rig.call("SystemSharedMemoryStatus").status, 0);
  EXPECT_EQ(rig.call("CudaSharedMemoryStatus").status, 0);
}

}  // namespace
}  // namespace tfe::kserve_grpc
