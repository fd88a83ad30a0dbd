// The shared memory endpoints, and inference on regions, on the real core.
#include <gtest/gtest.h>

#include "base/base64.h"
#include "kserve_http/service_rig.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve_http {
namespace {

using testing::FakeCuda;
using testing::float_bytes;
using testing::ShmObject;

const std::string kSystem = "/v2/systemsharedmemory";
const std::string kCuda = "/v2/cudasharedmemory";

Options allowed() {
  Options options;
  options.allow_client_shm = true;
  return options;
}

std::string error(const std::string& message) { return R"({"error":")" + message + R"("})"; }

std::string system_body(const std::string& key, const std::string& rest) {
  return R"({"key":")" + key + R"(",)" + rest + "}";
}

std::string cuda_body(const triton::CudaIpcHandle& handle, const std::string& rest) {
  return R"({"raw_handle":{"b64":")" + base::base64_encode(base::as_text(handle)) + R"("},)" +
         rest + "}";
}

TEST(SharedMemoryEndpoints, SystemRegion) {
  Rig rig({identity("m")}, allowed());
  ShmObject object(8192);
  EXPECT_ANSWER(rig.get(kSystem + "/status"), 200, "[]");
  for (const char* name : {"b", "a"}) {
    const TestResponse made = rig.post(kSystem + "/region/" + name + "/register",
                                       system_body(object.key(), R"("offset":3,"byte_size":100)"));
    EXPECT_EQ(made.status, 200) << made.body;
    EXPECT_EQ(made.body, "");
    EXPECT_EQ(made.header("content-type"), "application/json");
  }
  const auto entry = [&](const std::string& name) {
    return R"({"name":")" + name + R"(","key":")" + object.key() +
           R"(","offset":3,"byte_size":100})";
  };
  EXPECT_ANSWER(rig.get(kSystem + "/status"), 200, "[" + entry("a") + "," + entry("b") + "]");
  EXPECT_ANSWER(rig.get(kSystem + "/region/b/status"), 200, "[" + entry("b") + "]");
  EXPECT_ANSWER(rig.get(kSystem + "/region/c/status"), 404,
                error("Unable to find system shared memory region: 'c'"));
  EXPECT_ANSWER(rig.get(kCuda + "/region/b/status"), 404,
                error("The region named 'b' is registered as system shared memory, not CUDA shared "
                      "memory"));
  EXPECT_ANSWER(
      rig.post(kSystem + "/region/b/register", system_body(object.key(), R"("byte_size":100)")),
      400, error("shared memory region 'b' already in manager"));
  EXPECT_ANSWER(rig.post(kCuda + "/region/b/unregister", ""), 200, "");
  EXPECT_ANSWER(rig.post(kSystem + "/region/none/unregister", ""), 200, "");
  EXPECT_ANSWER(rig.post(kSystem + "/region/b/unregister", "{"), 200, "");
  EXPECT_ANSWER(rig.get(kSystem + "/status"), 200, "[" + entry("a") + "]");
  EXPECT_ANSWER(rig.post(kSystem + "/unregister", ""), 200, "");
  EXPECT_ANSWER(rig.get(kSystem + "/status"), 200, "[]");
}

// One client must not spoil the status of all regions for the others.
TEST(SharedMemoryEndpoints, NamesAreText) {
  Rig rig({identity("m")}, allowed());
  ShmObject object(64);
  const std::string body = system_body(object.key(), R"("byte_size":64)");
  for (const char* name : {"a%FF", "a\xff", "%C0%80"}) {
    EXPECT_ANSWER(rig.post(kSystem + "/region/" + name + "/register", body), 400,
                  error("the name of a region must be valid UTF-8"));
    EXPECT_ANSWER(rig.post(kCuda + "/region/" + name + "/register", "{}"), 400,
                  error("the name of a region must be valid UTF-8"));
  }
  EXPECT_ANSWER(rig.post(kSystem + "/region/%E2%82%AC/register", body), 200, "");
  EXPECT_ANSWER(rig.get(kSystem + "/status"), 200,
                R"([{"name":"€","key":")" + object.key() + R"(","offset":0,"byte_size":64}])");
}

TEST(SharedMemoryEndpoints, NamesAreDecodedAndEscaped) {
  Rig rig({identity("m")}, allowed());
  ShmObject object(64);
  EXPECT_ANSWER(rig.post(kSystem + "/region/a%2F%22b/register",
                         system_body(object.key(), R"("byte_size":64)")),
                200, "");
  EXPECT_ANSWER(rig.get(kSystem + "/region/a%2F%22b/status"), 200,
                R"([{"name":"a/\"b","key":")" + object.key() + R"(","offset":0,"byte_size":64}])");
}

// The key is looked at first, then the offset, then the size.
TEST(SharedMemoryEndpoints, SystemBodies) {
  Rig rig({identity("m")}, allowed());
  const std::string target = kSystem + "/region/r/register";
  const std::string no_string = "attempt to access JSON non-string as string";
  const std::string no_integer = "attempt to access JSON non-unsigned-integer as unsigned-integer";
  EXPECT_ANSWER(rig.post(target, ""), 500,
                error("failed to parse the request JSON buffer: The document is empty. at 0"));
  EXPECT_EQ(rig.post(target, "{").status, 500);
  const auto no_key = error("Shared memory register request has no 'key' field");
  for (const char* body : {"{}", "[]", "null", R"({"byte_size":"x","offset":-1})"}) {
    EXPECT_ANSWER(rig.post(target, body), 400, no_key);
  }
  EXPECT_ANSWER(rig.post(target, R"({"byte_size":"x","offset":-1,"key":1})"), 500,
                error(no_string));
  EXPECT_ANSWER(rig.post(target, R"({"byte_size":"x","offset":-1,"key":"k"})"), 500,
                error(no_integer));
  EXPECT_ANSWER(rig.post(target, R"({"offset":null,"key":"k"})"), 500, error(no_integer));
  EXPECT_ANSWER(rig.post(target, R"({"key":"k","offset":1})"), 400,
                error("Shared memory register request has no 'byte_size' field"));
  for (const char* size : {"1.0", "-1", "\"1\"", "18446744073709551616"}) {
    EXPECT_ANSWER(rig.post(target, system_body("k", "\"byte_size\":" + std::string(size))), 500,
                  error(no_integer));
  }
  EXPECT_ANSWER(rig.post(target, system_body("//", R"("byte_size":1)")), 400,
                error("cannot register shared memory region 'r' - invalid shm key '//'"));
  EXPECT_ANSWER(rig.post(target, system_body("tfe_none", R"("byte_size":1)")), 500,
                error("Unable to open shared memory region: 'tfe_none'"));
  ShmObject object(64);
  EXPECT_ANSWER(
      rig.post(target, system_body(object.key(), R"("offset":18446744073709551615,"byte_size":2)")),
      400, error("failed to register shared memory region 'r': invalid args"));
}

TEST(SharedMemoryEndpoints, ARegionNeedsAName) {
  Rig rig({identity("m")}, allowed());
  EXPECT_ANSWER(rig.post(kSystem + "/register", "{"), 400,
                error("'region name' is necessary to register system shared memory region"));
  EXPECT_ANSWER(rig.post(kCuda + "/register", "{"), 400,
                error("'region name' is necessary to register cuda shared memory region"));
}

TEST(SharedMemoryEndpoints, OffUnlessAllowed) {
  Rig rig({identity("m")});
  const auto off = error(
      "Client shared memory is disabled. Start the server with '--allow-client-shm=true' to "
      "enable.");
  for (const std::string& kind : {kSystem, kCuda}) {
    for (const char* verb : {"/register", "/unregister"}) {
      EXPECT_ANSWER(rig.post(kind + verb, ""), 501, off);
      EXPECT_ANSWER(rig.post(kind + "/region/r" + verb, "{"), 501, off);
      EXPECT_EQ(rig.get(kind + verb).status, 405);
    }
    EXPECT_ANSWER(rig.get(kind + "/status"), 200, "[]");
    EXPECT_EQ(rig.get(kind + "/region/r/status").status, 404);
    EXPECT_EQ(rig.post(kind + "/status", "").status, 405);
    EXPECT_EQ(rig.get(kind).status, 404);
  }
}

TEST(SharedMemoryEndpoints, CudaRegion) {
  const FakeCuda fake;
  Rig rig({identity("m")}, allowed());
  ShmObject object(4096);
  const std::string target = kCuda + "/region/g/register";
  EXPECT_ANSWER(rig.post(target, cuda_body(object.handle(), R"("device_id":1,"byte_size":4096)")),
                200, "");
  const std::string entry = R"([{"name":"g","device_id":1,"byte_size":4096}])";
  EXPECT_ANSWER(rig.get(kCuda + "/status"), 200, entry);
  EXPECT_ANSWER(rig.get(kCuda + "/region/g/status"), 200, entry);
  EXPECT_ANSWER(rig.get(kCuda + "/region/x/status"), 404,
                error("Unable to find cuda shared memory region: 'x'"));
  EXPECT_ANSWER(rig.get(kSystem + "/region/g/status"), 404,
                error("The region named 'g' is registered as CUDA shared memory, not system shared "
                      "memory"));
  EXPECT_ANSWER(rig.post(kCuda + "/unregister", ""), 200, "");
  EXPECT_ANSWER(rig.get(kCuda + "/status"), 200, "[]");
  // Some clients break base64 into lines.
  std::string wrapped = cuda_body(object.handle(), R"("device_id":0,"byte_size":1)");
  wrapped.insert(wrapped.find("AAAA"), R"(\n)");
  EXPECT_ANSWER(rig.post(target, wrapped), 200, "");
}

TEST(SharedMemoryEndpoints, CudaBodies) {
  const FakeCuda fake;
  Rig rig({identity("m")}, allowed());
  const std::string target = kCuda + "/region/g/register";
  const auto missing = [](const std::string& name) {
    return error("attempt to access non-existing object member '" + name + "'");
  };
  EXPECT_EQ(rig.post(target, "").status, 500);
  EXPECT_ANSWER(rig.post(target, R"({"byte_size":1})"), 400,
                error("Shared memory register request has no 'raw_handle' field"));
  EXPECT_ANSWER(rig.post(target, R"({"raw_handle":"x"})"), 500,
                error("attempt to access JSON non-object as object"));
  EXPECT_ANSWER(rig.post(target, R"({"raw_handle":{"b65":[1]}})"), 500, missing("b64"));
  EXPECT_ANSWER(rig.post(target, R"({"raw_handle":{"b64":1}})"), 500,
                error("attempt to access JSON non-string as string"));
  EXPECT_ANSWER(rig.post(target, R"({"raw_handle":{"b64":""}})"), 500, missing("device_id"));
  EXPECT_ANSWER(rig.post(target, R"({"device_id":-1,"raw_handle":{"b64":""}})"), 500,
                error("attempt to access JSON non-unsigned-integer as unsigned-integer"));
  EXPECT_ANSWER(rig.post(target, R"({"device_id":0,"raw_handle":{"b64":""}})"), 500,
                missing("byte_size"));
  const auto size = error("'raw_handle' must be a valid base64 encoded cudaIpcMemHandle_t");
  for (const std::size_t bytes : {0, 63, 65}) {
    EXPECT_ANSWER(rig.post(target, R"({"raw_handle":{"b64":")" +
                                       base::base64_encode(std::string(bytes, 'x')) +
                                       R"("},"device_id":0,"byte_size":1})"),
                  400, size);
  }
  ShmObject object(4096);
  EXPECT_ANSWER(rig.post(target, cuda_body(object.handle(), R"("device_id":0,"byte_size":4097)")),
                400, error("failed to register shared memory region 'g': invalid args"));
  const TestResponse unknown = rig.post(
      target, cuda_body(ShmObject::handle_of("/tfe_none"), R"("device_id":0,"byte_size":1)"));
  EXPECT_EQ(unknown.status, 400);
  EXPECT_TRUE(unknown.body.starts_with(
      R"({"error":"failed to register shared memory region: invalid args)"))
      << unknown.body;
}

std::string memory_parameters(const std::string& region, int offset, int size) {
  return R"("parameters":{"shared_memory_region":")" + region + R"(","shared_memory_offset":)" +
         std::to_string(offset) + R"(,"shared_memory_byte_size":)" + std::to_string(size) + "}";
}

std::string memory_request(const std::string& input, const std::string& output) {
  return R"({"inputs":[{"name":"INPUT0","datatype":"FP32","shape":[2],)" + input +
         R"(}],"outputs":[{"name":"OUTPUT0",)" + output + "}]}";
}

TEST(SharedMemoryEndpoints, Inference) {
  Rig rig({identity("m")}, allowed());
  ShmObject object(4096);
  object.put(4, float_bytes({1, 2}));
  ASSERT_EQ(
      rig.post(kSystem + "/region/r/register", system_body(object.key(), R"("byte_size":4096)"))
          .status,
      200);
  EXPECT_ANSWER(rig.post("/v2/models/m/infer", memory_request(memory_parameters("r", 4, 8),
                                                              memory_parameters("r", 100, 8))),
                200,
                R"({"model_name":"m","model_version":"1","outputs":[{"name":"OUTPUT0",)"
                R"("datatype":"FP32","shape":[2]}]})");
  EXPECT_EQ(object.get(100, 8), float_bytes({1, 2}));
  const auto failed = [&](const std::string& input, const std::string& output) {
    return rig.post("/v2/models/m/infer", memory_request(input, output));
  };
  const std::string good = memory_parameters("r", 4, 8);
  EXPECT_ANSWER(failed(memory_parameters("x", 0, 8), good), 404,
                error("Unable to find shared memory region: 'x'"));
  EXPECT_ANSWER(failed(memory_parameters("r", 4096, 8), good), 400,
                error("Invalid offset for shared memory region: 'r'"));
  EXPECT_ANSWER(failed(good, memory_parameters("r", 4090, 8)), 400,
                error("Invalid offset + byte size for shared memory region: 'r'"));
  EXPECT_ANSWER(failed(good, memory_parameters("r", 100, 7)), 500,
                error("shared memory size specified with the request for output 'OUTPUT0' (7 "
                      "bytes) should be at least 8 bytes to hold the results"));
  EXPECT_ANSWER(
      failed(R"("parameters":{"shared_memory_region":"r","shared_memory_offset":1,)"
             R"("shared_memory_byte_size":18446744073709551615})",
             good),
      400,
      error("Integer overflow detected: byte_size (18446744073709551615) + offset (1) exceeds "
            "maximum value (18446744073709551615) for region 'r'"));
  EXPECT_ANSWER(failed(R"("parameters":{"shared_memory_region":1})", good), 500,
                error("Unable to parse 'shared_memory_region': attempt to access JSON non-string "
                      "as string"));
  // Without a region its size and offset mean nothing.
  EXPECT_EQ(failed(R"("data":[1,2],"parameters":{"shared_memory_offset":9})", good).status, 200);
}

}  // namespace
}  // namespace tfe::kserve_http
