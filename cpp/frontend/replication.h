// Control calls of one server's clients, handed to whoever made this object instead of being
// carried out: a worker, whose supervisor has the same change made on every worker.
//
// Thread rule: any thread; apply() blocks as the call itself. Lifetime rule: holds the server and
// the state of its extensions. Calls that nobody has finished at its end never are: finish them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "kserve/control_call.h"
#include "kserve/extensions.h"
#include "kserve/log_control.h"
#include "kserve/replication.h"
#include "triton/server.h"

namespace tfe::frontend {

class Replication {
 public:
  using Waiting = kserve::Replication::Waiting;

  // See kserve::Replication::begin().
  static base::Result<Replication> begin(std::shared_ptr<triton::Server> server, std::size_t limit);

  // Readable while take() would give something.
  int fd() const { return fd_; }
  std::vector<Waiting> take() { return extensions_->replication.take(); }
  void finish(std::uint64_t id, base::Status status) {
    extensions_->replication.finish(id, std::move(status));
  }
  // Calls of clients are carried out in this process again.
  void end() { extensions_->replication.end(); }

  // Makes a change, here.
  base::Status apply(const kserve::ControlCall& call, kserve::Origin origin) {
    return kserve::carry_out(*server_, *extensions_, call, origin);
  }
  // Any version of it takes requests.
  bool loaded(const std::string& model) const {
    return server_->model_ready(model, -1).value_or(false);
  }
  triton::LogSettings log_settings() const {
    return triton::current_log_settings(server_->library());
  }

 private:
  Replication(std::shared_ptr<triton::Server> server,
              std::shared_ptr<kserve::Extensions> extensions, int fd)
      : server_(std::move(server)), extensions_(std::move(extensions)), fd_(fd) {}

  std::shared_ptr<triton::Server> server_;
  std::shared_ptr<kserve::Extensions> extensions_;
  int fd_;
};

}  // namespace tfe::frontend
