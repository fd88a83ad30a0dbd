#include "kserve/extensions.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tfe::kserve {

namespace {

struct Known {
  std::mutex mutex;
  std::map<std::uint64_t, std::weak_ptr<Extensions>> of_server;  // by its identity
};

Known& known() {
  // Never destroyed: the last holder may be a callback of the core at the end of the process.
  static auto* const object = new Known;
  return *object;
}

// Keys that belong to the models of this server and of its neighbours. The workers of a supervisor
// call theirs <app>-<run>-w<slot>g<generation>-...: clients of one must not reach those of another.
std::vector<std::string> reserved_keys(const triton::Server& server) {
  std::string_view prefix = object_name(server.python_memory_prefix());
  if (prefix.empty()) return {};
  const std::size_t worker = prefix.rfind("-w");
  if (prefix.ends_with('-') && worker != std::string_view::npos &&
      prefix.substr(worker + 2).find_first_not_of("0123456789g-") == std::string_view::npos) {
    prefix = prefix.substr(0, worker + 2);
  }
  return {std::string(prefix)};
}

}  // namespace

Extensions::Extensions(const triton::Server& server)
    : shared_memory(reserved_keys(server)), tracing(server.library()) {}

std::shared_ptr<Extensions> extensions_of(const triton::Server& server) {
  Known& all = known();
  std::lock_guard lock(all.mutex);
  std::erase_if(all.of_server, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<Extensions>& entry = all.of_server[server.identity()];
  if (auto extensions = entry.lock()) return extensions;
  auto extensions = std::make_shared<Extensions>(server);
  entry = extensions;
  return extensions;
}

}  // namespace tfe::kserve
