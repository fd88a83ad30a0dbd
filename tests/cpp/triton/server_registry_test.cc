#include "triton/server_registry.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/no_threads.h"
#include "triton/core_fixture.h"

namespace tfe::triton {
namespace {

// What a request drops while the process ends would otherwise be deleted beside, or after, the
// static objects of the core.
TEST(ServerRegistryTest, NothingRunsApartOnceTheProcessLeaves) {
  ServerRegistry registry;
  std::atomic<bool> ran = false;
  EXPECT_TRUE(registry.run_apart([&] { ran = true; }));
  EXPECT_FALSE(registry.leaving());
  registry.leave();
  EXPECT_TRUE(ran) << "leave() waits";
  EXPECT_TRUE(registry.leaving());
  EXPECT_FALSE(registry.run_apart([] { ADD_FAILURE(); }));
}

TEST(ServerRegistryTest, NothingRunsApartWithoutAThread) {
  ServerRegistry registry;
  const test::NoThreads refused;
  EXPECT_FALSE(registry.run_apart([] { ADD_FAILURE(); }));
}

TEST(ServerRegistryTest, TheLastServerIsDeletedThoughNoOtherFollows) {
  const auto library = tfe::testing::test_library();
  const long others = library.use_count();
  {
    const tfe::testing::TestServer last({{.name = "identity"}});
    ASSERT_TRUE(last.server->stop());
  }
  const auto end = std::chrono::steady_clock::now() + tfe::testing::kPatience;
  while (library.use_count() > others && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(library.use_count(), others);
}

}  // namespace
}  // namespace tfe::triton
