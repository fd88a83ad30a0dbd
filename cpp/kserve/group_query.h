// Reads that mean all servers of a group, as values: the core's statistics and its index of models.
// A supervisor has every worker answer them and sums up; a server of its own answers alone.
//
// Thread rule: any thread; answer_alone() waits for locks of the models asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "base/status.h"
#include "kserve/call_queue.h"
#include "triton/server.h"

namespace tfe::kserve {

struct Extensions;

struct StatisticsQuery {
  std::string model;  // empty: all
  std::int64_t version = -1;
};
struct IndexQuery {
  bool ready_only = false;
};

using GroupQuery = std::variant<StatisticsQuery, IndexQuery>;
// The core's JSON, or one that reads the same.
using GroupAnswer = std::move_only_function<void(base::Result<std::string>)>;
using GroupQueries = CallQueue<GroupQuery, base::Result<std::string>>;

base::Result<std::string> answer_alone(const triton::Server& server, const GroupQuery& query);

// Hands the query to whoever asks the group if there is one, else answers it at once. `answer` is
// called on this thread or later on another; it owns what keeps both references valid.
void ask_group(const triton::Server& server, Extensions& extensions, GroupQuery query,
               GroupAnswer answer);

}  // namespace tfe::kserve
