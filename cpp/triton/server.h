// One inference server of the core.
//
// Shared: frontends, requests and responses hold a reference, so TRITONSERVER_ServerDelete runs
// only when the last of them is gone, whatever the order of stop and destruction, and only when no
// other server of this process is running (the core's memory managers are shared). After stop()
// every call answers Code::kUnavailable. All methods may be called from any thread; those that
// block say so. Destroying the last reference stops a server that was not stopped, which blocks
// too, except in a callback of the core, where another thread does it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "triton/model_activity.h"
#include "triton/model_faults.h"
#include "triton/outcomes.h"
#include "triton/types.h"

struct TRITONSERVER_Server;

namespace tfe::triton {

struct Api;
struct ServerOptions;
class Library;

struct ModelTraits {
  bool decoupled = false;
  bool batches_first_dim = false;  // max_batch_size > 0
};

// `bytes` marks a file override ("file:<path>"), which the core takes as raw bytes.
struct LoadParameter {
  std::string name;
  ParameterValue value;
  bool bytes = false;
};

class Server : public std::enable_shared_from_this<Server> {
 public:
  // Blocks until the start-up models are loaded or failed. With exit_on_error a model that failed
  // is kInternal "failed to load all models: ..." with the reasons.
  static base::Result<std::shared_ptr<Server>> create(std::shared_ptr<const Library> library,
                                                      const ServerOptions& options);
  // The server at an address that lend_address() of this process gave, or one made by somebody else
  // (NVIDIA's package), which its maker must keep alive and which is never stopped or deleted here.
  static base::Result<std::shared_ptr<Server>> adopt(std::shared_ptr<const Library> library,
                                                     std::uintptr_t address);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Refuses new work at once, waits for the requests in flight, then stops the core. Blocks up to
  // the exit timeout and then fails with the core's kInternal error; the server is never deleted
  // after that. The first call decides; later calls return at once. kUnsupported for an adopted
  // server and inside callbacks of the core.
  base::Status stop();
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  std::uintptr_t address() const { return reinterpret_cast<std::uintptr_t>(handle_); }
  // Unlike the address, which a later server may get, never that of another server of this project.
  // A foreign server is known by its address only.
  std::uint64_t identity() const { return identity_; }
  // The same for foreign code, which counts no reference: from now on the server is never deleted.
  std::uintptr_t lend_address();
  const Library& library() const { return *library_; }
  // What names of shared memory objects of the Python backend begin with, if its configuration says
  // (shm-region-prefix-name); otherwise empty, and unknown for an adopted server.
  const std::string& python_memory_prefix() const { return python_memory_prefix_; }

  base::Result<bool> live() const;
  base::Result<bool> ready() const;
  base::Result<bool> model_ready(const std::string& name, std::int64_t version) const;
  // JSON texts exactly as the core produces them. Version -1: the model's version policy.
  base::Result<std::string> metadata() const;
  base::Result<std::string> model_metadata(const std::string& name, std::int64_t version) const;
  base::Result<std::string> model_config(const std::string& name, std::int64_t version,
                                         std::uint32_t config_version = 1) const;
  base::Result<std::string> model_index(bool ready_only) const;
  // Empty name: all models.
  base::Result<std::string> model_statistics(const std::string& name, std::int64_t version) const;
  base::Result<ModelTraits> model_traits(const std::string& name, std::int64_t version) const;
  // model_traits().decoupled at half the price, for the path of every unary inference.
  base::Result<bool> decoupled(const std::string& name, std::int64_t version) const;
  // Prometheus text.
  base::Result<std::string> metrics() const;

  // These block until the model is loaded, failed or its unload has begun: keep them off loop
  // threads.
  base::Status load_model(const std::string& name, std::span<const LoadParameter> parameters);
  base::Status unload_model(const std::string& name, bool dependents);
  base::Status register_repository(const std::string& path,
                                   std::span<const std::pair<std::string, std::string>> mapping);
  base::Status unregister_repository(const std::string& path);
  base::Status poll_repository();

  // For whoever runs the server in a control mode that clients are not to have: their loads and
  // unloads are refused in the core's words from now on. Calls of the methods above are not.
  void refuse_client_control() { client_control_refused_.store(true, std::memory_order_relaxed); }
  base::Status client_control() const;

  // What is in flight, whoever sent it.
  ModelActivity& activity() { return activity_; }
  // How it ended, since the server was made.
  Outcomes& outcomes() { return outcomes_; }
  // Set by whoever watches the models.
  ModelFaults& faults() { return faults_; }
  const ModelFaults& faults() const { return faults_; }

 private:
  friend class Request;
  friend class RequestContext;
  enum class Ownership { kOwned, kForeign };
  Server(std::shared_ptr<const Library> library, TRITONSERVER_Server* handle, Ownership ownership,
         unsigned exit_timeout);

  const Api& api() const;
  base::Status running() const;
  // A foreign server that its maker has stopped knows its models no more: that is kUnavailable.
  base::Error explain(base::Error error) const;
  base::Status check_models_loaded(const ServerOptions& options) const;
  void touch() { last_activity_.store(base::Clock::now(), std::memory_order_relaxed); }
  void request_began() { in_flight_.fetch_add(1); }
  void request_ended();
  void wait_until_quiet(base::TimePoint deadline) const;
  void pause_before_unload() const;
  base::Status stop_core(unsigned exit_timeout);
  template <typename Getter, typename... Args>
  base::Result<std::string> json(const Getter& getter, Args... args) const;

  std::shared_ptr<const Library> library_;
  TRITONSERVER_Server* handle_;
  Ownership ownership_;
  std::uint64_t identity_;
  unsigned exit_timeout_;  // seconds
  std::string python_memory_prefix_;
  int process_;  // a forked child must not touch the parent's server
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> client_control_refused_ = false;
  std::atomic<bool> keep_forever_ = false;   // lent, or its stop failed
  std::atomic<std::int64_t> in_flight_ = 0;  // requests that exist
  ModelActivity activity_;
  Outcomes outcomes_;
  ModelFaults faults_;
  // When a model was last loaded or unloaded or a request ended.
  std::atomic<base::TimePoint> last_activity_;
};

}  // namespace tfe::triton
