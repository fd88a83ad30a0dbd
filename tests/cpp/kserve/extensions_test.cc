#include "kserve/extensions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "triton/core_fixture.h"
#include "triton/fake_cuda.h"

namespace tfe::kserve {
namespace {

using ::testing::HasSubstr;
using tfe::testing::check;
using tfe::testing::ShmObject;
using tfe::testing::TestServer;
using tfe::testing::unwrap;

// The prefix of the Python backend's objects as the server's configuration gives it.
TEST(ExtensionsTest, ObjectsOfPythonModelsAreReserved) {
  const auto refused = [](const char* configured, const std::string& key) {
    static const char* prefix = nullptr;
    prefix = configured;
    TestServer server({{.name = "identity"}}, [](triton::ServerOptions& options) {
      options.backend_configuration["python"] = {{"shm-region-prefix-name", prefix}};
    });
    auto status = extensions_of(*server.server)->shared_memory.register_system("r", {key, 0, 1});
    EXPECT_FALSE(status);
    return status ? "" : status.error().message;
  };
  EXPECT_THAT(refused("mine_", "/mine_1"), HasSubstr("the reserved prefix 'mine_'"));
  // The other workers of a supervisor too, but nobody else.
  EXPECT_THAT(refused("tfe-ab12-w0g3-", "tfe-ab12-w17g1-x"),
              HasSubstr("the reserved prefix 'tfe-ab12-w'"));
  EXPECT_THAT(refused("tfe-ab12-w0g3-", "tfe-ab13-w0g3-x"), HasSubstr("Unable to open"));
}

// The core may make a server where a deleted one was, while somebody still holds what that had.
TEST(ExtensionsTest, AreNotInheritedByALaterServer) {
  std::vector<std::shared_ptr<Extensions>> held;
  std::set<Extensions*> different;
  for (int i = 0; i < 4; ++i) {
    TestServer core({{.name = "identity"}});
    held.push_back(extensions_of(*core.server));
    different.insert(held.back().get());
  }
  EXPECT_EQ(different.size(), held.size());
}

TEST(ExtensionsTest, LiveAsLongAsTheirUsers) {
  const TestServer core({{.name = "identity"}});
  auto first = extensions_of(*core.server);
  EXPECT_EQ(first, extensions_of(*core.server));
  ShmObject object(64);
  check(first->shared_memory.register_system("r", {object.key(), 0, 64}));
  std::weak_ptr<Extensions> gone = first;
  first.reset();
  EXPECT_TRUE(gone.expired());
  const auto second = extensions_of(*core.server);
  EXPECT_TRUE(unwrap(second->shared_memory.status(RegionKind::kSystem, "")).empty());
}

}  // namespace
}  // namespace tfe::kserve
