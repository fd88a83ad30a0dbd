// Questions of one server's clients that mean a whole group, handed to whoever made this object: a
// worker, whose supervisor has all workers answer.
//
// Thread rule: any thread; answer() waits for locks of models. Lifetime rule: holds the server and
// the state of its extensions. Questions that nobody has finished at its end never are: finish
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kserve/extensions.h"
#include "kserve/group_query.h"
#include "triton/server.h"

namespace tfe::frontend {

class GroupQueries {
 public:
  using Waiting = kserve::GroupQueries::Waiting;

  // See kserve::CallQueue::begin().
  static base::Result<GroupQueries> begin(std::shared_ptr<triton::Server> server,
                                          std::size_t limit) {
    auto extensions = kserve::extensions_of(*server);
    const auto fd = extensions->queries.begin(limit);
    if (!fd) return std::unexpected(fd.error());
    return GroupQueries(std::move(server), std::move(extensions), *fd);
  }

  // Readable while take() would give something.
  int fd() const { return fd_; }
  std::vector<Waiting> take() { return extensions_->queries.take(); }
  void finish(std::uint64_t id, base::Result<std::string> json) {
    extensions_->queries.finish(id, std::move(json));
  }
  // Clients are answered by this server alone again.
  void end() { extensions_->queries.end(); }

  // What this server answers.
  base::Result<std::string> answer(const kserve::GroupQuery& query) const {
    return kserve::answer_alone(*server_, query);
  }

 private:
  GroupQueries(std::shared_ptr<triton::Server> server,
               std::shared_ptr<kserve::Extensions> extensions, int fd)
      : server_(std::move(server)), extensions_(std::move(extensions)), fd_(fd) {}

  std::shared_ptr<triton::Server> server_;
  std::shared_ptr<kserve::Extensions> extensions_;
  int fd_;
};

}  // namespace tfe::frontend
