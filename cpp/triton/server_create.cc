// The part of Server that makes one.
//
// A ServerNew that fails takes the core's memory managers away from the other servers of the
// process, whose next ensemble inference then crashes. So as little as possible is left to fail in
// there: models that do not load are judged here (exit_on_error), a missing repository is found
// beforehand, and for the rest an idle server makes the managers anew.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "triton/library.h"
#include "triton/options_builder.h"
#include "triton/server.h"
#include "triton/server_registry.h"
#include "triton/startup_check.h"

namespace tfe::triton {

namespace {

bool asks_for_logs(const LogSettings& log) {
  return log.info || log.warn || log.error || log.verbose || log.file;
}

// With the codes and, as far as they go, the texts of the core.
base::Status check_repositories(const ServerOptions& options) {
  if (options.model_repositories.empty()) {
    return base::fail(base::Code::kInvalidArgument, "--model-repository must be specified");
  }
  for (const std::string& path : options.model_repositories) {
    // Cloud storage ("s3://...") is the core's business.
    struct stat info{};
    if (path.find("://") != std::string::npos || ::stat(path.c_str(), &info) == 0) continue;
    return base::fail(base::Code::kInternal,
                      "failed to stat file " + path + ": " + std::strerror(errno));
  }
  return {};
}

base::Result<TRITONSERVER_Server*> call_server_new(const Library& library,
                                                   const ServerOptions& options) {
  auto handle = build_options(library, options);
  if (!handle) return std::unexpected(std::move(handle.error()));
  TRITONSERVER_Server* server = nullptr;
  auto status = call(library.api(), library.api().ServerNew, &server, handle->get());
  if (!status) return std::unexpected(std::move(status.error()));
  return server;
}

// An idle server on an empty repository, deleted when no other one runs.
void restore_memory_managers(const std::shared_ptr<const Library>& library) {
  std::error_code failed;
  std::string directory = std::filesystem::temp_directory_path(failed) / "tritonfrontend-XXXXXX";
  if (failed || !::mkdtemp(directory.data())) return;
  ServerOptions options;
  options.model_repositories = {directory};
  options.metrics = options.gpu_metrics = options.cpu_metrics = false;
  options.model_load_thread_count = 1;
  if (auto keeper = call_server_new(*library, options)) {
    ServerRegistry::global().retire(library, *keeper);
  }
  ::rmdir(directory.c_str());
}

base::Result<TRITONSERVER_Server*> make_server(const std::shared_ptr<const Library>& library,
                                               const ServerOptions& options) {
  if (auto status = check_repositories(options); !status) {
    return std::unexpected(std::move(status.error()));
  }
  std::optional<QuietLog> quiet;
  if (options.quiet_start && !asks_for_logs(options.log)) quiet.emplace(*library);
  ServerOptions tolerant = options;
  tolerant.exit_on_error = false;
  auto server = call_server_new(*library, tolerant);
  if (!server && ServerRegistry::global().others_running()) restore_memory_managers(library);
  return server;
}

std::string configured_prefix(const ServerOptions& options) {
  const auto backend = options.backend_configuration.find("python");
  if (backend == options.backend_configuration.end()) return {};
  for (const auto& [name, value] : backend->second) {
    if (name == "shm-region-prefix-name") return value;
  }
  return {};
}

}  // namespace

base::Result<std::shared_ptr<Server>> Server::create(std::shared_ptr<const Library> library,
                                                     const ServerOptions& options) {
  ServerRegistry& registry = ServerRegistry::global();
  registry.began();
  auto handle = make_server(library, options);
  if (!handle) {
    registry.ended();
    return std::unexpected(std::move(handle.error()));
  }
  std::shared_ptr<Server> server(
      new Server(std::move(library), *handle, Ownership::kOwned, options.exit_timeout));
  server->python_memory_prefix_ = configured_prefix(options);
  registry.add(server);
  if (options.exit_on_error) {
    if (auto status = server->check_models_loaded(options); !status) {
      std::optional<QuietLog> quiet;
      if (options.quiet_start && !asks_for_logs(options.log)) quiet.emplace(server->library());
      server.reset();  // stops it
      return std::unexpected(std::move(status.error()));
    }
  }
  return server;
}

base::Status Server::check_models_loaded(const ServerOptions& options) const {
  auto index = model_index(false);
  if (!index) return std::unexpected(std::move(index.error()));
  const std::string missing = missing_models(options, parse_model_index(*index));
  if (missing.empty()) return {};
  return base::fail(base::Code::kInternal, "failed to load all models: " + missing);
}

}  // namespace tfe::triton
