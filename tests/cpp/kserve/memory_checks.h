// Helpers of the tests of shared memory.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kserve/shared_memory.h"
#include "triton/core_fixture.h"

namespace tfe::kserve {

inline std::vector<std::string> names(const SharedMemory& memory, RegionKind kind) {
  std::vector<std::string> all;
  for (const auto& region : tfe::testing::unwrap(memory.status(kind, "")))
    all.push_back(region->name());
  return all;
}

inline void expect_error(const base::Status& status, base::Code code, const std::string& message) {
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, code);
  EXPECT_EQ(status.error().message, message);
}

}  // namespace tfe::kserve
