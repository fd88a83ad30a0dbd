#include "frontend/error_log.h"

#include <utility>

#include "triton/library.h"
#include "triton/logging.h"

namespace tfe::frontend {

ErrorLog error_log(std::shared_ptr<triton::Server> server, std::string label) {
  return [server = std::move(server), label = std::move(label)](const base::Error& error) {
    (void)triton::log_message(server->library(), triton::LogLevel::kWarn, "tritonfrontend", 0,
                              label + " frontend: " + error.message);
  };
}

}  // namespace tfe::frontend
