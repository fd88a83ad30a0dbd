// One inference server of the core.
//
// Shared: frontends, requests and responses hold a reference, so TRITONSERVER_ServerDelete runs only
// when the last of them is gone, whatever the order of stop and destruction. After stop() every call
// answers Code::kUnavailable. All methods may be called from any thread; those that block say so.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "triton/types.h"

struct TRITONSERVER_Server;

namespace tfe::triton {

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
  // Blocks until the start-up models are loaded or failed.
  static base::Result<std::shared_ptr<Server>> create(std::shared_ptr<const Library> library,
                                                      const ServerOptions& options);
  // A server made by somebody else (NVIDIA's package). Never deleted by us.
  static base::Result<std::shared_ptr<Server>> adopt(std::shared_ptr<const Library> library,
                                                     std::uintptr_t address);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Blocks up to the exit timeout. The first call decides; later calls return at once.
  base::Status stop();
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }
  std::uintptr_t address() const;
  const Library& library() const { return *library_; }

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
  // Prometheus text.
  base::Result<std::string> metrics() const;

  // These block until the model is loaded, failed or its unload has begun: keep them off loop threads.
  base::Status load_model(const std::string& name, std::span<const LoadParameter> parameters);
  base::Status unload_model(const std::string& name, bool dependents);
  base::Status register_repository(const std::string& path,
                                   std::span<const std::pair<std::string, std::string>> mapping);
  base::Status unregister_repository(const std::string& path);
  base::Status poll_repository();

 private:
  friend class Request;
  Server(std::shared_ptr<const Library> library, TRITONSERVER_Server* handle, bool owned);

  std::shared_ptr<const Library> library_;
  TRITONSERVER_Server* handle_;
  bool owned_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace tfe::triton
