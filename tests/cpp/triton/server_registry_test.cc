#include "triton/server_registry.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace tfe::triton
