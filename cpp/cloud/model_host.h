// Loads and unloads the models of multi-model mode: registers a model's folder as a repository of
// the core under the name that SageMaker wants, and takes it back.
//
// Thread rule: any thread; what blocks says so. An unload is begun on the executor and its end is
// watched by a thread of the host's own, because the core only shows it in its index; so neither a
// loop nor the executor waits for a model whose requests take their time.
// Lifetime rule: shared; may outlive the executor. Not to be let go on its own thread: waiters hold
// no reference to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "cloud/hosted_models.h"
#include "cloud/poller.h"
#include "cloud/sagemaker_options.h"
#include "kserve/executor.h"
#include "kserve/model_control.h"
#include "kserve/model_hosting.h"

namespace tfe::cloud {

class ModelHost final : public kserve::ModelHosting,
                        public std::enable_shared_from_this<ModelHost> {
 public:
  ModelHost(std::shared_ptr<triton::Server> server, kserve::ExecutorRef executor,
            const SageMakerOptions& options);

  // Blocks until the model is loaded or failed. kAlreadyExists if it is loaded, is on the way to or
  // from that, or if its target name or its repository is taken.
  base::Status load(const kserve::HostModel& request);
  // The waiter is called on any thread, perhaps before this returns, unless this fails.
  base::Status unload(const std::string& name, HostedModels::Waiter waiter);
  // Calls the waiter when no unload of that model is under way, perhaps before this returns; with
  // kDeadlineExceeded when one takes too long, with kResourceExhausted when too many wait for it.
  void await_unload(const std::string& name, HostedModels::Waiter waiter);

  // For a supervisor that has every worker do the same.
  base::Status host(const kserve::HostModel& model, bool repeated) override;
  base::Status unhost(const kserve::UnhostModel& model) override;

  std::optional<HostedModel> find(const std::string& name) const { return models_.find(name); }
  std::vector<HostedModel> list() const { return models_.list(); }

 private:
  base::TimePoint unload_deadline() const { return base::Clock::now() + options_.unload_timeout; }
  bool hosts(const kserve::HostModel& model) const;
  base::Result<HostedModel> register_and_load(const kserve::HostModel& request);
  base::Status begin_unload(const HostedModel& model);
  bool finish_unloads();
  void finish_unloads(const std::vector<HostedModel>& pending);

  const std::shared_ptr<triton::Server> server_;
  const kserve::ExecutorRef executor_;
  const SageMakerOptions options_;
  HostedModels models_;
  Poller poller_;  // last: its thread uses the others
};

}  // namespace tfe::cloud
