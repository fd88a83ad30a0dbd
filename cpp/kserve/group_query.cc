#include "kserve/group_query.h"

#include <utility>

#include "kserve/extensions.h"

namespace tfe::kserve {
namespace {

struct Alone {
  base::Result<std::string> operator()(const StatisticsQuery& query) const {
    return server.model_statistics(query.model, query.version);
  }
  base::Result<std::string> operator()(const IndexQuery& query) const {
    return server.model_index(query.ready_only);
  }
  const triton::Server& server;
};

}  // namespace

base::Result<std::string> answer_alone(const triton::Server& server, const GroupQuery& query) {
  return std::visit(Alone{server}, query);
}

void ask_group(const triton::Server& server, Extensions& extensions, GroupQuery query,
               GroupAnswer answer) {
  if (extensions.queries.submit(query, answer)) return;
  answer(answer_alone(server, query));
}

}  // namespace tfe::kserve
