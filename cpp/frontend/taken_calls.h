// Calls of one server's clients that wait in a queue of its extensions, handed to whoever made this
// object instead of being answered: a worker, whose supervisor asks or changes all workers.
//
// Thread rule: any thread. Lifetime rule: holds the server and the state of its extensions. Calls
// that nobody has finished at its end never are: finish them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kserve/control_call.h"
#include "kserve/extensions.h"
#include "kserve/group_query.h"
#include "kserve/log_control.h"
#include "triton/logging.h"
#include "triton/server.h"

namespace tfe::frontend {

// `queue`: the kserve::CallQueue, a member of kserve::Extensions.
template <auto queue>
class TakenCalls {
  using Queue = std::remove_cvref_t<decltype(std::declval<kserve::Extensions&>().*queue)>;

 public:
  using Waiting = typename Queue::Waiting;

  // Errors are those of kserve::CallQueue::begin().
  static base::Result<TakenCalls> begin(std::shared_ptr<triton::Server> server, std::size_t limit) {
    auto extensions = kserve::extensions_of(*server);
    const auto fd = ((*extensions).*queue).begin(limit);
    if (!fd) return std::unexpected(fd.error());
    return TakenCalls(std::move(server), std::move(extensions), *fd);
  }

  // Readable while take() would give something.
  int fd() const { return fd_; }
  std::vector<Waiting> take() { return ((*extensions_).*queue).take(); }
  template <typename Outcome>
  void finish(std::uint64_t id, Outcome outcome) {
    ((*extensions_).*queue).finish(id, std::move(outcome));
  }
  // This server answers its clients itself again.
  void end() { ((*extensions_).*queue).end(); }

  triton::Server& server() const { return *server_; }
  kserve::Extensions& extensions() const { return *extensions_; }

 private:
  TakenCalls(std::shared_ptr<triton::Server> server, std::shared_ptr<kserve::Extensions> extensions,
             int fd)
      : server_(std::move(server)), extensions_(std::move(extensions)), fd_(fd) {}

  std::shared_ptr<triton::Server> server_;
  std::shared_ptr<kserve::Extensions> extensions_;
  int fd_;
};

// Changes that a supervisor makes on every worker, and questions that it has every worker answer.
using Replication = TakenCalls<&kserve::Extensions::replication>;
using GroupQueries = TakenCalls<&kserve::Extensions::queries>;

// Makes a change, here. Blocks as the call itself.
inline base::Status apply(const Replication& calls, const kserve::ControlCall& call,
                          kserve::Origin origin) {
  return kserve::carry_out(calls.server(), calls.extensions(), call, origin);
}
// Does any version of the model take requests?
inline bool loaded(const Replication& calls, const std::string& model) {
  return calls.server().model_ready(model, -1).value_or(false);
}
inline triton::LogSettings log_settings(const Replication& calls) {
  return triton::current_log_settings(calls.server().library());
}

// What this server answers. Waits for locks of models.
inline base::Result<std::string> answer(const GroupQueries& calls,
                                        const kserve::GroupQuery& query) {
  return kserve::answer_alone(calls.server(), query);
}

}  // namespace tfe::frontend
