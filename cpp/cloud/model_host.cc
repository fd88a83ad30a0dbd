#include "cloud/model_host.h"

#include <algorithm>
#include <array>
#include <future>
#include <utility>

#include "base/text.h"
#include "cloud/model_location.h"
#include "cloud/model_states.h"

namespace tfe::cloud {
namespace {

using base::Code;
using std::chrono::milliseconds;

// A model without requests is gone at once; the longest pause is Triton's.
constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{500};
// How long a load waits for the unload of that model that requests hold up here alone. Other loads
// wait behind it.
constexpr std::chrono::seconds kHostPatience{5};

// SageMaker's names of models are keys of a bucket, so slashes are fine; the core only ever sees
// them as a name for a folder that is known already.
base::Status check_target(const std::string& target) {
  if (!base::trim(target).empty() && target.find('\0') == std::string::npos) return {};
  return base::fail(Code::kInvalidArgument,
                    "Model name cannot be empty. Please enter a valid name to deploy.");
}

}  // namespace

ModelHost::ModelHost(std::shared_ptr<triton::Server> server, kserve::ExecutorRef executor,
                     const SageMakerOptions& options)
    : server_(std::move(server)),
      executor_(std::move(executor)),
      options_(options),
      poller_(kFirstPause, kLongestPause, [this] { return finish_unloads(); }) {}

base::Status ModelHost::load(const kserve::HostModel& request) {
  if (auto status = check_target(request.name); !status) return status;
  if (auto status = check_target(request.target); !status) return status;
  if (auto status = models_.begin_load(request.name, request.target); !status) return status;
  if (options_.log) options_.log("Loading SageMaker TargetModel: " + request.target);
  auto model = register_and_load(request);
  if (!model) {
    models_.load_failed(request.name);
    return std::unexpected(std::move(model).error());
  }
  models_.loaded(request.name, std::move(model->repository), std::move(model->shown));
  return {};
}

base::Result<HostedModel> ModelHost::register_and_load(const kserve::HostModel& request) {
  if (const auto status = server_->client_control(); !status) {
    return base::fail(Code::kUnsupported, status.error().message);  // trying again is no use
  }
  auto location = locate_model(options_.models_root, request.url);
  if (!location) return std::unexpected(std::move(location).error());
  const std::array mapping{std::pair(location->directory, request.target)};
  auto status = server_->register_repository(location->repository, mapping);
  if (!status) return std::unexpected(std::move(status).error());
  status = server_->load_model(request.target, {});
  if (!status) {
    // What the load failed with says more than what this might fail with.
    (void)server_->unregister_repository(location->repository);
    return std::unexpected(std::move(status).error());
  }
  return HostedModel{request.name, request.target, std::move(location->repository),
                     std::move(location->shown)};
}

base::Status ModelHost::unload(const std::string& name, HostedModels::Waiter waiter) {
  const auto begun = models_.begin_unload(name, unload_deadline(), std::move(waiter));
  if (!begun) return std::unexpected(begun.error());
  poller_.wake();
  if (!*begun) return {};
  auto status = executor_.submit([self = shared_from_this(), model = **begun] {
    (void)self->begin_unload(model);  // the waiters hear of it
  });
  if (!status) models_.unload_refused(name, status.error());
  return {};
}

base::Status ModelHost::begin_unload(const HostedModel& model) {
  if (auto status = server_->unload_model(model.target, true); !status) {
    models_.unload_refused(model.name, status.error());
    return status;
  }
  models_.unload_accepted(model.name);
  poller_.wake();
  return {};
}

void ModelHost::await_unload(const std::string& name, HostedModels::Waiter waiter) {
  const auto waits = models_.join_unload(name, unload_deadline(), waiter);
  if (waits && *waits) return;
  waiter(waits ? base::Status() : std::unexpected(waits.error()));
}

base::Status ModelHost::host(const kserve::HostModel& model, bool repeated) {
  const auto over = std::make_shared<std::promise<void>>();
  HostedModels::Waiter waiter = [over](const base::Status&) { over->set_value(); };
  const auto joined = models_.join_unload(model.name, base::Clock::now() + kHostPatience, waiter);
  // The poller tells, unless the system has no thread for it.
  if (joined && *joined) over->get_future().wait_for(2 * kHostPatience);
  if (repeated && hosts(model)) return {};
  return load(model);  // which says so if the unload goes on
}

bool ModelHost::hosts(const kserve::HostModel& model) const {
  const auto loaded = models_.find(model.name);
  if (!loaded || loaded->target != model.target) return false;
  const auto location = locate_model(options_.models_root, model.url);
  return location && location->repository == loaded->repository;
}

base::Status ModelHost::unhost(const kserve::UnhostModel& model) {
  auto begun = models_.begin_unload(model.name, unload_deadline(), [](const base::Status&) {});
  if (!begun) return std::unexpected(std::move(begun).error());
  poller_.wake();
  return *begun ? begin_unload(**begun) : base::Status();
}

// One look at the core's index for all models that are on their way out.
bool ModelHost::finish_unloads() {
  if (const std::vector<HostedModel> pending = models_.unloading(); !pending.empty()) {
    finish_unloads(pending);
  }
  return models_.expire(base::Clock::now());
}

void ModelHost::finish_unloads(const std::vector<HostedModel>& pending) {
  const auto text = server_->model_index(false);
  const auto index = text ? read_model_index(*text)
                          : base::Result<std::vector<ModelState>>(std::unexpected(text.error()));
  for (const HostedModel& model : pending) {
    if (!index && index.error().code == Code::kUnavailable) {
      // The server has stopped, and all models with it.
      models_.unloaded(model.name, std::unexpected(index.error()));
    } else if (index && is_gone(*index, model.target)) {
      models_.unloaded(model.name, server_->unregister_repository(model.repository));
    }
  }
}

}  // namespace tfe::cloud
