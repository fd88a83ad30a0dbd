#include "kserve/shared_memory.h"

#include <dirent.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <optional>
#include <thread>

#include "kserve/memory_checks.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using tfe::testing::FakeCuda;
using tfe::testing::ShmObject;
using tfe::testing::unwrap;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

base::Status use_error(const SharedMemory& memory, SharedMemoryRef reference) {
  auto use = memory.use(reference);
  if (!use) return std::unexpected(use.error());
  return {};
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory)) ++count;
  ::closedir(directory);
  return count;
}

std::string text_of(const RegionUse& use) {
  return std::string(base::as_text({use.bytes().data(), use.bytes().size()}));
}

TEST(SharedMemoryTest, ARegionIsPartOfTheObject) {
  SharedMemory memory;
  ShmObject object(10000);
  object.put(5000, "hello");
  // No page begins at 4998.
  ASSERT_TRUE(memory.register_system("r", {object.key(), 4998, 100}));
  const RegionUse use = unwrap(memory.use({"r", 2, 5}));
  EXPECT_EQ(text_of(use), "hello");
  EXPECT_EQ(use.place().type, triton::MemoryType::kCpu);
  EXPECT_EQ(use.ipc_handle(), nullptr);
  std::memcpy(use.bytes().data(), "HELLO", 5);
  EXPECT_EQ(object.get(5000, 5), "HELLO");
}

TEST(SharedMemoryTest, TheLeadingSlashMayBeLeftOut) {
  SharedMemory memory;
  ShmObject object(64);
  EXPECT_TRUE(memory.register_system("a", {object.key().substr(1), 0, 64}));
  EXPECT_TRUE(memory.register_system("b", {"//" + object.key(), 0, 64}));
  const auto regions = unwrap(memory.status(RegionKind::kSystem, "a"));
  ASSERT_EQ(regions.size(), 1U);
  EXPECT_EQ(static_cast<const SystemRegion&>(*regions[0]).source().key, object.key().substr(1));
}

TEST(SharedMemoryTest, KeysThatAreNoNames) {
  SharedMemory memory;
  for (const std::string key : {"", "/", "///"}) {
    expect_error(memory.register_system("r", {key, 0, 1}), base::Code::kInvalidArgument,
                 "cannot register shared memory region 'r' - invalid shm key '" + key + "'");
  }
  const std::string reserved = "triton_python_backend_shm_region_";
  for (const std::string& key : {reserved, "/" + reserved + "1", "///" + reserved + "1"}) {
    expect_error(memory.register_system("r", {key, 0, 1}), base::Code::kInvalidArgument,
                 "cannot register shared memory region 'r' with key '" + key +
                     "' as the key contains the reserved prefix '" + reserved + "'");
  }
  // A C string ends at a NUL, and the system would see another key than we did.
  ShmObject object(64);
  EXPECT_FALSE(memory.register_system("r", {object.key() + std::string("\0x", 2), 0, 1}));
  for (const std::string key : {"/tfe_none", "/../dev/null", "/a/b", ".."}) {
    expect_error(memory.register_system("r", {key, 0, 1}), base::Code::kInternal,
                 "Unable to open shared memory region: '" + key + "'");
  }
  EXPECT_THAT(names(memory, RegionKind::kSystem), IsEmpty());
}

// The system looks past leading slashes, but the region would keep all of them.
TEST(SharedMemoryTest, KeysAreBounded) {
  SharedMemory memory;
  ShmObject object(64);
  const std::string slashes(4096 - object.key().size(), '/');
  EXPECT_TRUE(memory.register_system("a", {slashes + object.key(), 0, 64}));
  expect_error(memory.register_system("r", {"/" + slashes + object.key(), 0, 64}),
               base::Code::kInvalidArgument,
               "cannot register shared memory region 'r' - invalid shm key of 4097 bytes, expected "
               "at most 4096");
}

TEST(SharedMemoryTest, MorePrefixesMayBeReserved) {
  SharedMemory memory({"mine-"});
  expect_error(memory.register_system("r", {"/mine-1", 0, 1}), base::Code::kInvalidArgument,
               "cannot register shared memory region 'r' with key '/mine-1' as the key contains "
               "the reserved prefix 'mine-'");
  EXPECT_FALSE(memory.register_system("r", {std::string(SharedMemory::kPythonPrefix) + "1", 0, 1}));
}

TEST(SharedMemoryTest, RangesOutsideOfTheObject) {
  SharedMemory memory;
  ShmObject object(100);
  const std::string text = "failed to register shared memory region 'r': invalid args";
  const std::size_t before = open_descriptors();
  for (const SystemRegionSource& source :
       {SystemRegionSource{object.key(), 0, 101}, SystemRegionSource{object.key(), 100, 1},
        SystemRegionSource{object.key(), 101, 0}, SystemRegionSource{object.key(), 1, kMax},
        SystemRegionSource{object.key(), kMax, 1}, SystemRegionSource{object.key(), kMax, kMax}}) {
    expect_error(memory.register_system("r", source), base::Code::kInvalidArgument, text);
  }
  for (const std::uint64_t offset : {0, 1, 100}) {
    const auto status = memory.register_system("r", {object.key(), offset, 0});
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
    EXPECT_THAT(status.error().message,
                StartsWith("failed to register shared memory region 'r': unable to process "
                           "address space"));
  }
  EXPECT_EQ(open_descriptors(), before) << "a refused registration keeps nothing open";
  EXPECT_TRUE(memory.register_system("r", {object.key(), 99, 1}));
  EXPECT_EQ(open_descriptors(), before) << "nor does one that succeeds";
}

TEST(SharedMemoryTest, NamesAreUniqueAmongBothKinds) {
  const FakeCuda fake;
  SharedMemory memory;
  ShmObject object(100);
  const std::string text = "shared memory region 'r' already in manager";
  ASSERT_TRUE(memory.register_system("r", {object.key(), 0, 100}));
  // The name is looked at before the object.
  expect_error(memory.register_system("r", {"/tfe_none", 0, 1}), base::Code::kAlreadyExists, text);
  const int mappings = fake.open_mappings();
  expect_error(memory.register_cuda("r", {object.handle(), 0, 100}), base::Code::kAlreadyExists,
               text);
  EXPECT_EQ(fake.open_mappings(), mappings);
  // Two regions of one object are fine.
  EXPECT_TRUE(memory.register_system("s", {object.key(), 0, 100}));
}

TEST(SharedMemoryTest, StatusIsInTheOrderOfNames) {
  const FakeCuda fake;
  SharedMemory memory;
  ShmObject object(100);
  EXPECT_THAT(names(memory, RegionKind::kSystem), IsEmpty());
  for (const char* name : {"b", "c", "a"}) {
    ASSERT_TRUE(memory.register_system(name, {object.key(), 1, 2}));
  }
  ASSERT_TRUE(memory.register_cuda("aa", {object.handle(), 1, 50}));
  EXPECT_THAT(names(memory, RegionKind::kSystem), ElementsAre("a", "b", "c"));
  EXPECT_THAT(names(memory, RegionKind::kCuda), ElementsAre("aa"));
  const auto message = [&](RegionKind kind, const char* name) {
    auto status = memory.status(kind, name);
    EXPECT_EQ(status ? base::Code::kUnknown : status.error().code, base::Code::kNotFound);
    return status ? "" : status.error().message;
  };
  EXPECT_EQ(message(RegionKind::kSystem, "x"), "Unable to find system shared memory region: 'x'");
  EXPECT_EQ(message(RegionKind::kCuda, "x"), "Unable to find cuda shared memory region: 'x'");
  EXPECT_EQ(message(RegionKind::kSystem, "aa"),
            "The region named 'aa' is registered as CUDA shared memory, not system shared memory");
  EXPECT_EQ(message(RegionKind::kCuda, "a"),
            "The region named 'a' is registered as system shared memory, not CUDA shared memory");
}

TEST(SharedMemoryTest, UnregisterTakesOneOrAllOfItsKind) {
  const FakeCuda fake;
  SharedMemory memory;
  ShmObject object(100);
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(memory.register_system(name, {object.key(), 0, 100}));
  }
  ASSERT_TRUE(memory.register_cuda("d", {object.handle(), 1, 50}));
  EXPECT_TRUE(memory.unregister(RegionKind::kSystem, "unknown"));
  EXPECT_TRUE(memory.unregister(RegionKind::kSystem, "d")) << "the other kind: nothing happens";
  EXPECT_TRUE(memory.unregister(RegionKind::kSystem, "b"));
  EXPECT_THAT(names(memory, RegionKind::kSystem), ElementsAre("a", "c"));
  EXPECT_TRUE(memory.unregister(RegionKind::kSystem, ""));
  EXPECT_THAT(names(memory, RegionKind::kSystem), IsEmpty());
  EXPECT_THAT(names(memory, RegionKind::kCuda), ElementsAre("d"));
  EXPECT_TRUE(memory.register_system("b", {object.key(), 0, 100})) << "the name is free again";
}

TEST(SharedMemoryTest, ARegionInUseGoesWithItsLastUser) {
  SharedMemory memory;
  ShmObject object(100);
  object.put(0, "data");
  ASSERT_TRUE(memory.register_system("r", {object.key(), 0, 100}));
  std::optional<RegionUse> first = unwrap(memory.use({"r", 0, 4}));
  std::optional<RegionUse> second = unwrap(memory.use({"r", 0, 4}));
  ASSERT_TRUE(memory.unregister(RegionKind::kSystem, "r"));
  EXPECT_THAT(names(memory, RegionKind::kSystem), ElementsAre("r"));
  expect_error(memory.register_system("r", {object.key(), 0, 1}), base::Code::kAlreadyExists,
               "shared memory region 'r' already in manager");
  expect_error(use_error(memory, {"r", 0, 4}), base::Code::kNotFound,
               "Unable to find shared memory region: 'r'");
  ASSERT_TRUE(memory.unregister(RegionKind::kSystem, "")) << "again: still no error";
  first.reset();
  EXPECT_THAT(names(memory, RegionKind::kSystem), ElementsAre("r"));
  // What somebody still holds stays mapped, but the name does not wait for it.
  const base::Owner owner = second->owner();
  const base::MutableBytes bytes = second->bytes();
  second.reset();
  EXPECT_THAT(names(memory, RegionKind::kSystem), IsEmpty());
  EXPECT_EQ(base::as_text({bytes.data(), bytes.size()}), "data");
  EXPECT_TRUE(memory.register_system("r", {object.key(), 0, 1}));
}

TEST(SharedMemoryTest, AUseOutlivesTheRegistry) {
  ShmObject object(100);
  object.put(0, "data");
  std::optional<SharedMemory> memory(std::in_place);
  ASSERT_TRUE(memory->register_system("r", {object.key(), 0, 100}));
  const RegionUse use = unwrap(memory->use({"r", 0, 4}));
  memory.reset();
  EXPECT_EQ(text_of(use), "data");
}

TEST(SharedMemoryTest, BoundsOfAUse) {
  SharedMemory memory;
  ShmObject object(100);
  ASSERT_TRUE(memory.register_system("r", {object.key(), 0, 100}));
  EXPECT_TRUE(memory.use({"r", 0, 100}));
  EXPECT_TRUE(memory.use({"r", 99, 1}));
  EXPECT_TRUE(memory.use({"r", 99, 0}));
  expect_error(use_error(memory, {"x", 0, 1}), base::Code::kNotFound,
               "Unable to find shared memory region: 'x'");
  expect_error(use_error(memory, {"r", 100, 0}), base::Code::kInvalidArgument,
               "Invalid offset for shared memory region: 'r'");
  expect_error(use_error(memory, {"r", kMax, 5}), base::Code::kInvalidArgument,
               "Invalid offset for shared memory region: 'r'");
  expect_error(use_error(memory, {"r", 1, kMax}), base::Code::kInvalidArgument,
               "Integer overflow detected: byte_size (18446744073709551615) + offset (1) exceeds "
               "maximum value (18446744073709551615) for region 'r'");
  expect_error(use_error(memory, {"r", 1, kMax - 1}), base::Code::kInvalidArgument,
               "Invalid offset + byte size for shared memory region: 'r'");
  expect_error(use_error(memory, {"r", 1, 100}), base::Code::kInvalidArgument,
               "Invalid offset + byte size for shared memory region: 'r'");
}

TEST(SharedMemoryTest, ATruncatedObjectIsNotTouched) {
  SharedMemory memory;
  ShmObject object(3 * 4096);
  ASSERT_TRUE(memory.register_system("r", {object.key(), 0, 3 * 4096}));
  const RegionUse use = unwrap(memory.use({"r", 0, 3 * 4096}));
  EXPECT_TRUE(use.intact());
  object.resize(4096);
  EXPECT_FALSE(use.intact());
  expect_error(use_error(memory, {"r", 0, 4097}), base::Code::kInvalidArgument,
               "Invalid offset + byte size for shared memory region: 'r' (the object was made "
               "smaller after it was registered)");
  EXPECT_TRUE(memory.use({"r", 0, 4096}));
  EXPECT_TRUE(memory.use({"r", 8192, 0}));
  object.resize(3 * 4096);
  EXPECT_TRUE(memory.use({"r", 0, 3 * 4096}));
}

TEST(SharedMemoryTest, TheNumberOfRegionsIsLimited) {
  SharedMemory memory({}, 2);
  ShmObject object(100);
  ASSERT_TRUE(memory.register_system("a", {object.key(), 0, 100}));
  ASSERT_TRUE(memory.register_system("b", {object.key(), 0, 100}));
  expect_error(memory.register_system("c", {object.key(), 0, 100}), base::Code::kResourceExhausted,
               "failed to register shared memory region 'c': there are 2 regions already");
  ASSERT_TRUE(memory.unregister(RegionKind::kSystem, "a"));
  EXPECT_TRUE(memory.register_system("c", {object.key(), 0, 100}));
}

TEST(SharedMemoryTest, ManyThreads) {
  SharedMemory memory;
  ShmObject object(4096);
  std::atomic<int> registered = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, part = t * 1024] {  // whose bytes are this thread's
      for (int i = 0; i < 500; ++i) {
        if (memory.register_system("r", {object.key(), 0, 4096})) ++registered;
        if (auto use = memory.use({"r", part, 1024})) std::memset(use->bytes().data(), i, 1024);
        (void)memory.unregister(RegionKind::kSystem, i % 2 == 0 ? "r" : "");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(registered, 0);
  EXPECT_THAT(names(memory, RegionKind::kSystem), IsEmpty()) << "every use has ended";
}

}  // namespace
}  // namespace tfe::kserve
